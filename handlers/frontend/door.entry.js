/** On every page of the counter: the PIN's big keys, and the lock that covers a page left alone. */
import { guardPage } from "./clerk/lock.js";
import { listenToPads } from "./clerk/pin_pad.js";
import { listenToSoundSwitch } from "./clerk/sound_switch.js";

document.documentElement.classList.add("has-script");
listenToPads();
listenToSoundSwitch();
guardPage(document.getElementById("lock"));
