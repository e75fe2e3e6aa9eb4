/** Arabic, for candidate. */

import type { CandidateStrings } from "../index.ts";

export const candidate: CandidateStrings = {};
