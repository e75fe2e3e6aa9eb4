/** What the server tells its pages of itself, in their head. */

export interface Facts {
  /** Where people reach it, without a slash at the end. */
  readonly url: string;
  readonly version: string;
  readonly analysis: "here" | "elsewhere";
  readonly database: "embedded" | "shared";
  readonly rooms: string;
  readonly needs_api_key: boolean;
  /** What candidates agree to. */
  readonly retention_days: number;
}

export function readFacts(): Facts {
  return JSON.parse(document.querySelector('meta[name="undertone"]')?.getAttribute("content") ?? "") as Facts;
}

/** Where the page's own calls go: to where it came from, below the path that a proxy may add. */
export function ownServer({ url }: Facts): string {
  return location.origin + new URL(url).pathname.replace(/\/$/, "");
}
