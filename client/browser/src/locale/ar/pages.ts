/** Arabic, for pages. */

import type { PagesStrings } from "../index.ts";

export const pages: PagesStrings = {};
