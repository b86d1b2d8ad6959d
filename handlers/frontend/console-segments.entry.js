/** The segments' pages: the rule builder over its JSON, and the grid of RFM. */
import { listenToRules } from "./console/rule_builder.js";
import { listenToGrid } from "./console/rfm_grid.js";

listenToRules();
listenToGrid();
