/** English, for sidebar. The other languages have exactly these entries. */

export const sidebar = {};
