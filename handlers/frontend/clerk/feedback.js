/** What one need not look at to know: success rises, a refusal falls, a second scan clicks. */
import { isQuiet } from "./sound_switch.js";

const VOLUME = 0.12;
const SIGNALS = {
  success: { tones: [880, 1318.5], seconds: 0.11, buzz: [40, 40, 80] },
  refusal: { tones: [311.1, 207.7], seconds: 0.2, buzz: [220, 90, 220] },
  heard: { tones: [1046.5], seconds: 0.07, buzz: [30] },
};

let audio = null;

/** Sound and vibrate for `what` ("success", "refusal", "heard"), where the device can and may. */
export function signal(what) {
  if (isQuiet()) return;
  navigator.vibrate?.(SIGNALS[what].buzz);
  const Audio = window.AudioContext ?? window.webkitAudioContext;
  if (!Audio) return;
  audio ??= new Audio();
  audio.resume().then(
    () => play(SIGNALS[what]),
    () => {},
  );
}

function play({ tones, seconds }) {
  tones.forEach((frequency, place) => {
    const begins = audio.currentTime + place * seconds;
    const tone = audio.createOscillator();
    const volume = audio.createGain();
    tone.frequency.value = frequency;
    volume.gain.setValueAtTime(VOLUME, begins);
    volume.gain.exponentialRampToValueAtTime(0.001, begins + seconds);
    tone.connect(volume).connect(audio.destination);
    tone.start(begins);
    tone.stop(begins + seconds);
  });
}
