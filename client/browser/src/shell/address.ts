/** Where a server is, said as people say it (`https://…`), and as calls and sockets want it. */

const SOCKET_SCHEMES: Readonly<Record<string, string>> = {
  "http:": "ws:",
  "https:": "wss:",
  "ws:": "ws:",
  "wss:": "wss:",
};
const HTTP_SCHEMES: Readonly<Record<string, string>> = {
  "http:": "http:",
  "https:": "https:",
  "ws:": "http:",
  "wss:": "https:",
};

/** The WebSocket address of `path` on a server given as http(s):// or ws(s)://. Throws TypeError for anything else. */
export function socketUrl(server: string, path: string): string {
  return withScheme(server, SOCKET_SCHEMES) + path;
}

/** The server's HTTP address, without a slash at its end. Throws TypeError for what is none. */
export function httpUrl(server: string): string {
  return withScheme(server, HTTP_SCHEMES);
}

function withScheme(server: string, schemes: Readonly<Record<string, string>>): string {
  const url = new URL(server);
  const scheme = schemes[url.protocol];
  if (!scheme) throw new TypeError(`${server} is no server: say it as https://host or http://host:port`);
  return `${scheme}//${url.host}${url.pathname.replace(/\/+$/, "")}`;
}
