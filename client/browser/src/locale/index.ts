/**
 * All words that people read, one catalogue per language and area. An entry is a text, or a function of what it is about
 * (numbers and times come in as they are and are formatted here, through `Intl`). English says which entries there are;
 * another language that lacks one does not compile.
 */

import { candidate as arCandidate } from "./ar/candidate.ts";
import { pages as arPages } from "./ar/pages.ts";
import { sidebar as arSidebar } from "./ar/sidebar.ts";
import { type CandidateStrings, candidate as enCandidate } from "./en/candidate.ts";
import { pages as enPages, type PagesStrings } from "./en/pages.ts";
import { sidebar as enSidebar, type SidebarStrings } from "./en/sidebar.ts";

export type { CandidateStrings, PagesStrings, SidebarStrings };

export interface Catalogue {
  readonly lang: string;
  readonly dir: "ltr" | "rtl";
  readonly candidate: CandidateStrings;
  readonly sidebar: SidebarStrings;
  readonly pages: PagesStrings;
}

const ENGLISH: Catalogue = { lang: "en", dir: "ltr", candidate: enCandidate, sidebar: enSidebar, pages: enPages };
const ARABIC: Catalogue = { lang: "ar", dir: "rtl", candidate: arCandidate, sidebar: arSidebar, pages: arPages };

export const CATALOGUES: readonly Catalogue[] = [ENGLISH, ARABIC];

/** The catalogue for the first of `wanted` (BCP 47 tags) that there is one for; English otherwise. */
export function catalogueFor(wanted: readonly string[]): Catalogue {
  for (const tag of wanted) {
    const language = tag.toLowerCase().split("-")[0];
    const found = CATALOGUES.find((catalogue) => catalogue.lang === language);
    if (found) return found;
  }
  return ENGLISH;
}

/** What an element should speak: its own `lang`, or the nearest around it, or the page's, or the browser's. */
export function languagesOf(element: Element): string[] {
  const said = element.closest("[lang]")?.getAttribute("lang");
  return said ? [said] : [...navigator.languages];
}
