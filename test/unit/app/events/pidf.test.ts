import { readPidf, writePidf } from '../../../../signaling/app/events/packages/presence/pidf';
import { elements, escaped, readXml } from '../../../../signaling/app/events/xml';

const linphone = `<?xml version="1.0" encoding="UTF-8" standalone="no" ?>
<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid" entity="sip:1001@127.0.0.1">
  <tuple id="u3bc9m"><status><basic>open</basic></status><contact priority="0.8">sip:1001@127.0.0.1</contact></tuple>
  <dm:person id="v3"><rpid:activities><rpid:away/><rpid:wizardry/></rpid:activities><note>at &lt;lunch&gt; &#x4f60;</note></dm:person>
</presence>`;

test('what Linphone publishes is read, whatever its prefixes', () => {
  expect(readPidf(linphone)).toEqual({ open: true, activities: ['away'], note: 'at <lunch> 你' });
  expect(readPidf(linphone.replaceAll('rpid:', 'x:').replace('>open<', '> CLOSED <'))).toMatchObject({ open: false, activities: ['away'] });
  expect(readPidf('<presence/>')).toEqual({ open: false, activities: [], note: undefined });
});

test.each([
  ['nothing', ''],
  ['another document', '<list/>'],
  ['a wrong end', '<presence><tuple></presence></tuple>'],
  ['no end', '<presence><tuple>'],
  ['two roots', '<presence/><presence/>'],
  ['a document type', '<!DOCTYPE a [<!ENTITY x "y">]><presence/>'],
  ['text beside it', '<presence/>x'],
  ['one that is nested without end', '<presence>'.repeat(30) + '</presence>'.repeat(30)],
])('%s is no presence', (_what, text) => expect(readPidf(text)).toBeUndefined());

test('ours can be read back; open comes first, and nothing breaks out of its place', () => {
  const text = writePidf('1002@acme.example', 'pbx.test', [{ id: 'p1', open: false }, { id: 'p2', open: true }], ['on-the-phone'], `"Ann" & <Bob>'s\u0000`);
  expect(readPidf(text)).toEqual({ open: true, activities: ['on-the-phone'], note: `"Ann" & <Bob>'s` });
  expect(/<basic>(\w+)</.exec(text)?.[1]).toBe('open');
  expect(text).toContain('entity="sip:1002@acme.example"');
  expect(text).toContain('<rpid:on-the-phone/>');
});

test('XML: comments, CDATA, instructions, attributes; entities that there are', () => {
  const root = readXml(`<?xml version="1.0"?><!-- <x> --><a b="1>2" c='x'><![CDATA[<&]]>&amp;&nope;&#0;<n:d/></a>`);
  expect(root).toEqual({ name: 'a', text: '<&&&nope;', children: [{ name: 'd', text: '', children: [] }] });
  expect(elements(root!, 'd')).toHaveLength(1);
  expect(escaped('a<b>&"\'\u0007')).toBe('a&lt;b&gt;&amp;&quot;&apos;');
});
