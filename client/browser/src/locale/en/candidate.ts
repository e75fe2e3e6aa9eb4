/** English, for candidate. The other languages have exactly these entries. */

export const candidate = {};
