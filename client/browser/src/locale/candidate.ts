/** The words of the candidate's tab. */

import { candidate as ar } from "./ar/candidate.ts";
import { type CandidateStrings, candidate as en } from "./en/candidate.ts";
import type { Area } from "./index.ts";

export type { CandidateStrings };

export const candidate: Area<CandidateStrings> = { en, ar };
