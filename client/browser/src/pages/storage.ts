/** What this browser keeps. Storage may be forbidden (a private window, a setting): then it lasts as long as the page. */

export type Kept = Pick<Storage, "getItem" | "setItem" | "removeItem">;

export function storage(kind: "localStorage" | "sessionStorage"): Kept {
  try {
    const found = window[kind];
    found.getItem("undertone");
    return found;
  } catch {
    return new Forgetful();
  }
}

class Forgetful implements Kept {
  readonly #items = new Map<string, string>();

  getItem(key: string): string | null {
    return this.#items.get(key) ?? null;
  }

  setItem(key: string, value: string): void {
    this.#items.set(key, value);
  }

  removeItem(key: string): void {
    this.#items.delete(key);
  }
}
