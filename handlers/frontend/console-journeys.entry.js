/** The editor of journeys and the calendar: dragging, rules, and forms that show what is asked for. */
import { listenToCalendar } from "./console/calendar.js";
import { listenToChoices } from "./console/choices.js";
import { listenToFlow } from "./console/journeys.js";
import { listenToRules } from "./console/rule_builder.js";

listenToChoices();
listenToFlow();
listenToCalendar();
listenToRules();
