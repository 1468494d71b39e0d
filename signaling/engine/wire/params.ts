/**
 * `;name=value` lists of header fields (generic-param, RFC 3261 §25.1), shared by name-addr and Via.
 */
import { endOfQuoted, isToken, isWs, skipWs } from './chars';

/**
 * Reads `;name[=value]…` from `at` to the end of `text`. Names are lower-cased; a quoted value keeps its quotes (`unquote` in chars.ts
 * undoes them), a flag's value is ''. Of a name given twice the first counts. White space around ; and = is allowed, empty parameters
 * (`;;`) are skipped.
 *
 * @returns undefined, or a sentence saying what is wrong
 */
export function readParams(text: string, at: number, into: (name: string, value: string) => void): string | undefined {
  let i = skipWs(text, at);
  while (i < text.length) {
    if (text.charCodeAt(i) !== 0x3b) return 'something other than ";" follows the address or a parameter';
    i = skipWs(text, i + 1);
    const nameStart = i;
    while (i < text.length) {
      const code = text.charCodeAt(i);
      if (code === 0x3d || code === 0x3b || isWs(code)) break;
      i++;
    }
    const name = text.slice(nameStart, i);
    i = skipWs(text, i);
    if (name === '') {
      if (i < text.length && text.charCodeAt(i) !== 0x3b) return 'a parameter has no name';
      continue;
    }
    if (!isToken(name)) return 'a parameter name is not a token';
    let value = '';
    if (text.charCodeAt(i) === 0x3d) {
      i = skipWs(text, i + 1);
      const valueStart = i;
      if (text.charCodeAt(i) === 0x22) {
        i = endOfQuoted(text, i);
        if (i < 0) return 'a quoted parameter value is never closed';
        value = text.slice(valueStart, i);
      } else {
        while (i < text.length) {
          const code = text.charCodeAt(i);
          if (code === 0x3b || isWs(code)) break;
          if (code === 0x22) return 'a quote stands inside a parameter value';
          i++;
        }
        value = text.slice(valueStart, i);
      }
      i = skipWs(text, i);
    }
    into(name.toLowerCase(), value);
  }
  return undefined;
}
