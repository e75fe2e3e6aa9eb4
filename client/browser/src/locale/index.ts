/**
 * All words that people read, one catalogue per language and area. An entry is a text, or a function of what it is about
 * (numbers and times come in as they are and are formatted here, through `Intl`). English says which entries there are;
 * another language that lacks one does not compile. An area is a module of its own: a page loads the words that it says.
 */

const DIRECTIONS = { en: "ltr", ar: "rtl" } as const;

export type Lang = keyof typeof DIRECTIONS;
export const LANGUAGES = Object.keys(DIRECTIONS) as Lang[];

/** An area's entries in every language. */
export type Area<Strings> = Readonly<Record<Lang, Strings>>;

/** What somebody says, and in which language. */
export interface Words<Strings> {
  readonly lang: Lang;
  readonly dir: "ltr" | "rtl";
  readonly t: Strings;
}

/** The area's words in the first of `wanted` (BCP 47 tags) that there is; in English otherwise. */
export function wordsFor<Strings>(area: Area<Strings>, wanted: readonly string[]): Words<Strings> {
  const spoken = wanted.map((tag) => tag.toLowerCase().split("-")[0]);
  const lang = spoken.find((each): each is Lang => LANGUAGES.some((known) => known === each)) ?? "en";
  return { lang, dir: DIRECTIONS[lang], t: area[lang] };
}

/** What an element should speak: its own `lang`, or the nearest around it, or the page's, or the browser's. */
export function languagesOf(element: Element): string[] {
  const said = element.closest("[lang]")?.getAttribute("lang");
  return said ? [said] : [...navigator.languages];
}
