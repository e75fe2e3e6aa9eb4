/** The words of the pages. */

import { pages as ar } from "./ar/pages.ts";
import { pages as en, type PagesStrings } from "./en/pages.ts";
import type { Area } from "./index.ts";

export type { PagesStrings };

export const pages: Area<PagesStrings> = { en, ar };
