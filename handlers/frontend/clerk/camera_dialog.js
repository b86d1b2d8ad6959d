/** The camera over the page: opened by a tap, closed by a code, a tap or Esc. */
import { showNotice } from "./notices.js";

const WANTED = { video: { facingMode: "environment", width: { ideal: 1280 }, height: { ideal: 720 } } };
const LOOKS_EVERY_MS = 120; // A decoder's look takes some 15 ms: this leaves an old tablet its rest.

/** Show the camera until a QR code is seen, and give its text to `onScan`. */
export async function openCamera(onScan) {
  const dialog = document.getElementById("camera");
  const video = dialog.querySelector("video");
  if (!navigator.mediaDevices?.getUserMedia) {
    showNotice("camera-missing");
    return;
  }
  // The decoder, 430 KB, is fetched only now and then kept by the browser.
  const decoder = loadDecoder();
  decoder.catch(() => {}); // Awaited below; a refused camera must not leave it unheard.
  let stream = null;
  try {
    stream = await navigator.mediaDevices.getUserMedia(WANTED);
    video.srcObject = stream;
    dialog.showModal();
    dialog.querySelector("button").onclick = () => dialog.close();
    await video.play();
    const code = await readUntilClosed(await decoder, video, dialog);
    dialog.close();
    if (code) onScan(code);
  } catch (error) {
    dialog.close();
    showNotice(noticeFor(error));
  } finally {
    for (const track of stream?.getTracks() ?? []) track.stop();
    video.srcObject = null;
  }
}

async function loadDecoder() {
  const { cameraScript, decoder } = document.body.dataset;
  const { makeReader } = await import(cameraScript);
  return makeReader(decoder);
}

async function readUntilClosed(readCode, video, dialog) {
  while (dialog.open) {
    const code = await readCode(video);
    if (code) return code;
    await new Promise((wake) => setTimeout(wake, LOOKS_EVERY_MS));
  }
  return null;
}

function noticeFor(error) {
  if (error.name === "NotAllowedError" || error.name === "SecurityError") return "camera-denied";
  const isLacking = ["NotFoundError", "NotReadableError", "OverconstrainedError"].includes(error.name);
  return isLacking ? "camera-missing" : "camera-offline"; // Its code could not be loaded.
}
