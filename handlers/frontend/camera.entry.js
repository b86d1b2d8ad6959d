/** The decoder of the camera's pictures, loaded when the camera is first opened. */
import { prepareZXingModule, readBarcodes } from "zxing-wasm/reader";

/**
 * QR codes of ours, Code 39 of invoice carriers, and what goods carry. Standard Code 39: the extended
 * one takes a carrier's "/A" for an exclamation mark.
 */
const LOOKS_FOR = { formats: ["QRCode", "Code39Std", "EAN13", "EAN8"], maxNumberOfSymbols: 1 };

/** Make a function that reads the code in a video's present picture, or returns null. */
export function makeReader(decoderUrl) {
  // Left alone, the library would fetch its decoder from a public server.
  prepareZXingModule({ overrides: { locateFile: () => decoderUrl } });
  const canvas = document.createElement("canvas");
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  return async (video) => {
    const { videoWidth: width, videoHeight: height } = video;
    if (!width) return null;
    canvas.width = width;
    canvas.height = height;
    pen.drawImage(video, 0, 0);
    const [found] = await readBarcodes(pen.getImageData(0, 0, width, height), LOOKS_FOR);
    return found?.text || null;
  };
}
