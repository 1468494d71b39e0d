/** Text inside XML, and the little that is read of XML from phones: elements without attributes, whatever their prefixes. */

const escapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&apos;' };

/** For text and attributes (XML 1.0 §2.4); what XML cannot carry is left out. */
export const escaped = (text: string): string => text.replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g, '').replace(/[&<>"']/g, (sign) => escapes[sign] as string);

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

const unescaped = (text: string): string =>
  text.replace(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|(\w+));/gi, (all, decimal?: string, hex?: string, name?: string) => {
    if (name !== undefined) return entities[name] ?? all;
    const code = decimal === undefined ? parseInt(hex as string, 16) : Number(decimal);
    return code > 0 && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff) ? String.fromCodePoint(code) : '';
  });

export interface XmlElement {
  /** Without its prefix. */
  readonly name: string;
  /** Its own, not that of elements in it. */
  text: string;
  readonly children: XmlElement[];
}

const MAX_DEPTH = 20;
const token = /<!--[\s\S]*?-->|<\?[\s\S]*?\?>|<!\[CDATA\[([\s\S]*?)\]\]>|<(\/?)(?:[\w.-]+:)?([\w.-]+)((?:\s+[\w.:-]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(\/?)>|([^<]+)/gy;

/** The root element; undefined: this is no XML, or XML of a kind that nobody needs here (with a DTD, say). */
export function readXml(text: string): XmlElement | undefined {
  const root: XmlElement = { name: '', text: '', children: [] };
  const open = [root];
  token.lastIndex = 0;
  const source = text.replace(/^\ufeff/, '');
  while (token.lastIndex < source.length) {
    const match = token.exec(source);
    const parent = open.at(-1);
    if (!match || !parent) return undefined;
    const [, data, slash, name, , empty, plain] = match;
    if (data !== undefined) parent.text += data;
    else if (plain !== undefined) parent.text += unescaped(plain);
    else if (name !== undefined && slash === '/') {
      if (open.length < 2 || parent.name !== name) return undefined;
      open.pop();
    } else if (name !== undefined) {
      const element: XmlElement = { name, text: '', children: [] };
      parent.children.push(element);
      if (empty !== '/') open.push(element);
      if (open.length > MAX_DEPTH) return undefined;
    }
  }
  return open.length === 1 && root.children.length === 1 && root.text.trim() === '' ? root.children[0] : undefined;
}

/** Every element of this name, at any depth. */
export function elements(root: XmlElement, name: string): XmlElement[] {
  return root.children.flatMap((child) => (child.name === name ? [child] : elements(child, name)));
}
