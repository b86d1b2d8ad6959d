/** The segments' pages: the rule builder over its JSON, and the grid of RFM. */
import { buildRules } from "./console/rule_builder.js";
import { listenToGrid } from "./console/rfm_grid.js";

buildRules();
listenToGrid();
