/** Whether this device sounds and vibrates: kept on the device, switched in the menu. */
const KEPT_AS = "counter-is-quiet";

/** Tell whether sound and vibration are switched off here. */
export function isQuiet() {
  try {
    return localStorage.getItem(KEPT_AS) === "yes";
  } catch {
    return false; // A browser that keeps nothing: it sounds.
  }
}

/** Show what holds on the menu's switch, and turn it over when it is tapped. */
export function listenToSoundSwitch() {
  const button = document.querySelector("[data-sound-switch]");
  if (!button) return;
  show(button);
  button.addEventListener("click", () => {
    try {
      localStorage.setItem(KEPT_AS, isQuiet() ? "no" : "yes");
    } catch {
      return;
    }
    show(button);
  });
}

function show(button) {
  button.setAttribute("aria-checked", String(!isQuiet()));
}
