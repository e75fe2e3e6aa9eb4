/** Where the pages of a meeting are. The `join_secret` stands in the fragment, which browsers send to nobody. */

/** What candidates open. `server` has no slash at its end. */
export function joinLink(server: string, meeting: string, joinSecret: string): string {
  return `${watchOrJoin(server, "join", meeting)}#${encodeURIComponent(joinSecret)}`;
}

/** What proctors open, whose credential is in no link. */
export function watchLink(server: string, meeting: string): string {
  return watchOrJoin(server, "watch", meeting);
}

function watchOrJoin(server: string, page: string, meeting: string): string {
  return `${server}/${page}/${encodeURIComponent(meeting)}`;
}

/** Which meeting a page is about, and the secret of its link; empty where there is none. */
export function readLink(url: string): { meeting: string; joinSecret: string } {
  const { pathname, hash } = new URL(url);
  return { meeting: decoded(pathname.split("/").at(-1) ?? ""), joinSecret: decoded(hash.slice(1)) };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text).trim();
  } catch {
    return ""; // a link that was cut in the midst of an escape
  }
}
