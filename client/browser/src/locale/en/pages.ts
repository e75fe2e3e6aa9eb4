/** English, for pages. The other languages have exactly these entries. */

export const pages = {};
