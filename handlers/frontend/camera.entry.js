/** The QR decoder, loaded when the camera is first opened. */
import { BarcodeDetector, prepareZXingModule } from "barcode-detector/ponyfill";

/** Make a function that reads the QR code in a video's present picture, or returns null. */
export function makeReader(decoderUrl) {
  // Left alone, the library would fetch its decoder from a public server.
  prepareZXingModule({ overrides: { locateFile: () => decoderUrl } });
  const detector = new BarcodeDetector({ formats: ["qr_code"] });
  return async (video) => {
    const [found] = await detector.detect(video);
    return found ? found.rawValue : null;
  };
}
