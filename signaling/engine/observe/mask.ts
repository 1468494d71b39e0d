/**
 * Message text with what must not be shown taken out: what proves a password (RFC 7616 §3.4; other schemes whole), and keys of media
 * (RFC 4568 §9.1, `k=` of RFC 4566 §5.12, ICE's password of RFC 8839 §5.4). Works on text that was cut off anywhere.
 */
const HIDDEN = '***';

const credentials = /^((?:proxy-)?authorization[ \t]*:[ \t]*)([^\r\n]*(?:\r?\n[ \t][^\r\n]*)*)/gim;
const rules: ReadonlyArray<[RegExp, string]> = [
  // Said by the server to prove that it knows the password as well: as good for guessing it.
  [/^((?:proxy-)?authentication-info[ \t]*:[^\r\n]*\brspauth[ \t]*=[ \t]*)("[^"\r\n]*"?|[^,;\s]*)/gim, `$1${HIDDEN}`],
  [/^(a=crypto:[^\r\n]*?\binline:)[^\r\n]*/gim, `$1${HIDDEN}`],
  [/^(a=key-mgmt:[^\s]*[ \t]*)[^\r\n]*/gim, `$1${HIDDEN}`],
  [/^(a=ice-pwd:)[^\r\n]*/gim, `$1${HIDDEN}`],
  [/^(k=)[^\r\n]*/gm, `$1${HIDDEN}`],
];

export function masked(text: string): string {
  let out = text.replace(credentials, (_all, name: string, value: string) => name + maskedCredentials(value));
  for (const [pattern, replacement] of rules) out = out.replace(pattern, replacement);
  return out;
}

function maskedCredentials(value: string): string {
  if (!/^digest\b/i.test(value)) return `${/^[^\s,]*(?=\s)/.exec(value)?.[0] ?? ''} ${HIDDEN}`.trim();
  return value.replace(/\b(response[ \t]*=[ \t]*)("[^"]*"?|[^,\s]*)/gi, `$1"${HIDDEN}"`);
}
