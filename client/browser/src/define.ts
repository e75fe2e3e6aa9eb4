/** Registers both elements: <undertone-candidate> and <undertone-sidebar>. */

import "./define-candidate.ts";
import "./define-sidebar.ts";
