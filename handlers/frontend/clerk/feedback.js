/** A success one need not look at: two rising tones and a short buzz. */
const TONES_HZ = [880, 1318.5];
const TONE_SECONDS = 0.11;
const VOLUME = 0.12;
const BUZZ_MS = [40, 40, 80];

let audio = null;

/** Sound and vibrate, where the device can and lets us. */
export function celebrate() {
  navigator.vibrate?.(BUZZ_MS);
  const Audio = window.AudioContext ?? window.webkitAudioContext;
  if (!Audio) return;
  audio ??= new Audio();
  audio.resume().then(play, () => {});
}

function play() {
  TONES_HZ.forEach((frequency, place) => {
    const begins = audio.currentTime + place * TONE_SECONDS;
    const tone = audio.createOscillator();
    const volume = audio.createGain();
    tone.frequency.value = frequency;
    volume.gain.setValueAtTime(VOLUME, begins);
    volume.gain.exponentialRampToValueAtTime(0.001, begins + TONE_SECONDS);
    tone.connect(volume).connect(audio.destination);
    tone.start(begins);
    tone.stop(begins + TONE_SECONDS);
  });
}
