/**
 * Holds the arrows of the house: who may import whom, and which package has which single door.
 * Read with TypeScript's own parser, so a type-only import counts like any other.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, posix, relative, sep } from 'node:path';
import ts from 'typescript';

const root = join(__dirname, '../../..');

interface SourceFile {
  path: string;
  imports: string[];
  text: string;
}

function sources(): SourceFile[] {
  return ['signaling', 'media', 'client']
    .filter((top) => existsSync(join(root, top)))
    .flatMap((top) => readdirSync(join(root, top), { recursive: true, encoding: 'utf8' }).map((f) => join(top, f)))
    .filter((f) => f.endsWith('.ts'))
    .map((f) => f.split(sep).join(posix.sep))
    .map((path) => {
      const text = readFileSync(join(root, path), 'utf8');
      const imports = ts.preProcessFile(text, true, true).importedFiles.map((i) => i.fileName);
      return { path, text, imports: imports.map((i) => (i.startsWith('.') ? posix.join(posix.dirname(path), i) : i)) };
    });
}

const files = sources();

/** [files the rule speaks of, what they may not import, why] */
const forbidden: Array<[RegExp, RegExp, string]> = [
  [/^signaling\/engine\//, /^(signaling\/(app|store|api|cli|config|errors|main|log)|media|client)\b/, 'the engine stands alone'],
  [/^signaling\/engine\/wire\//, /^signaling\/engine\/(transport|transaction|core|control)\b/, 'wire is the lowest layer'],
  [/^signaling\/engine\/resolve\//, /^signaling\/engine\/(?!resolve\/)/, 'names are looked up without knowing what for'],
  [/^signaling\/engine\/transport\//, /^signaling\/engine\/(transaction|core|control)\b/, 'transport knows only wire'],
  [/^signaling\/engine\/transaction\//, /^signaling\/engine\/(core|control)\b/, 'transactions know transport and wire'],
  [/^signaling\/engine\/core\//, /^signaling\/engine\/control\b/, 'the core does not know who controls it'],
  [/^signaling\/engine\/(wire|resolve|transport|transaction|core|control)\//, /^signaling\/engine\/(observe|overload)\b/, 'those who work do not know who looks on'],
  [/^signaling\/engine\/observe\//, /^signaling\/engine\/(transaction|core|control|overload)\b/, 'what is seen is messages and the flows they take'],
  [/^signaling\/engine\/overload\//, /^signaling\/engine\/(core|control|observe)\b/, 'what is turned away is turned away before anybody knows of it'],
  [/^signaling\/app\//, /^signaling\/(engine|api|main|cli)\b/, 'the application reaches the engine over the control protocol only'],
  [/^signaling\/app-program\//, /^(signaling\/(app\/|engine|store|api|main|cli|config)|media|client)/, 'a program of one\'s own is run without knowing what calls are'],
  [/^signaling\/app-program\/index\.ts$/, /./, 'what programs are written with stands alone'],
  [/^signaling\/app\//, /^signaling\/app-program\/(?!app-program$)/, 'the application knows programs by their door only'],
  [/^signaling\/app\//, /^signaling\/store\/(?!store$)/, 'the application knows the store by its interface only'],
  [/^signaling\/app\//, /^signaling\/settings\/(?!(cache|values)$)/, 'the application reads what is set; what it may be is the business of the door'],
  [/^signaling\/settings\//, /^(signaling\/(app|engine|api|cli|main)|media|client)\b/, 'settings are data'],
  [/^signaling\/apply\//, /^(signaling\/(app|engine|api|cli|main|config)|media|client)\b/, 'a file of settings is read, compared and written'],
  [/^signaling\/app\//, /^media\/(net|rtp|codec|audio|file|port|node|worker|native|plane\/)/, 'the application knows media by its doors only'],
  [/^signaling\/store\//, /^signaling\/(app|engine|api|main|cli)\b/, 'the store is an island'],
  [/^signaling\/api\//, /^signaling\/(app|engine|main|cli|store\/(?!store$))|^(media|client)\b/, 'the API is shown what it needs by whoever composes'],
  [/^signaling\/cli\//, /^signaling\/(app|engine)\b/, 'commands ask the server, or the store'],
  [/^signaling\/config/, /^signaling\/(app|engine|store|api|main|cli)\b/, 'settings know nobody'],
  [/^media\//, /^(signaling|client)\b/, 'media knows nothing of SIP'],
  [/^media\/(net|rtp|codec|audio|file)\//, /^media\/(plane|worker|node|port)/, 'machinery does not know who uses it'],
  [/^media\/audio\//, /^media\/(net|rtp|codec|file)\//, 'sound is sound, whatever it came in'],
  [/^(signaling(?!\/cli\/phone)|media)\//, /^client\b/, 'server and media do not know the clients; the command line starts one'],
  [/^(signaling|media|client)\//, /^test\b/, 'the product does not import its tests'],
  [/^client\//, /^signaling\b/, 'a client is a program of its own'],
  [/^client\/((?!index)[a-z-]+\.ts$|sip\/)/, /^(node:|media\b|client\/(node|cli|web)\b)/, 'the core of the phones runs in a browser, too'],
  [/^client\/node\//, /^client\/cli\b/, 'a program that uses the phone has no screen'],
];

/** Siblings that never import one another: the folder, and how a sibling is told apart. */
const islands = ['signaling/app/features', 'signaling/app/events/packages', 'media/codec', 'media/node', 'media/audio', 'media/file'];

/** package → the one place that may import it */
const doors: Record<string, RegExp> = {
  'drachtio-srf': /^signaling\/app\/srf\.ts$/,
  koffi: /^media\/native\.ts$/,
  libsql: /^signaling\/store\//,
  kysely: /^signaling\/store\//,
  commander: /^signaling\/cli\//,
  pino: /^signaling\/log\.ts$/,
  'prom-client': /^signaling\/api\/exposition\.ts$/,
  fastify: /^signaling\/api\//,
  'fastify-type-provider-zod': /^signaling\/api\//,
  '@fastify/swagger': /^signaling\/api\/openapi\.ts$/,
  yaml: /^signaling\/(config|apply)/,
  'sdp-transform': /^media\/sdp/,
  werift: /^media\//,
  'werift-rtp': /^media\/rtp\//,
  '@discordjs/opus': /^media\/codec\//,
  opusscript: /^media\/codec\//,
  nodemailer: /^signaling\/mail\.ts$/,
  naudiodon: /^client\/node\/audio\//,
  'sip.js': /^client\/sip\/sip-js\.ts$/,
  '@noble/hashes': /^client\/sip\/digest\.ts$/,
  '@jitsi/rnnoise-wasm': /^client\/node\/media\/microphone\//,
  typescript: /^signaling\/app-program\/compile/,
  ws: /^(client\/node\/channel\/|signaling\/engine\/transport\/|signaling\/(api\/event-sockets|cli\/events)\.ts$)/,
};

test('there are sources to look at', () => {
  expect(files.length).toBeGreaterThan(20);
});

test.each(forbidden)('%s does not import %s (%s)', (from, to) => {
  const offences = files.filter((f) => from.test(f.path)).flatMap((f) => f.imports.filter((i) => to.test(i)).map((i) => `${f.path} -> ${i}`));
  expect(offences).toEqual([]);
});

test.each(islands)('siblings in %s do not know each other', (folder) => {
  const unit = (path: string) => relative(folder, path.replace(/\.ts$/, '')).split('/')[0];
  const offences = files
    .filter((f) => f.path.startsWith(`${folder}/`))
    .flatMap((f) => f.imports.filter((i) => i.startsWith(`${folder}/`) && unit(i) !== unit(f.path)).map((i) => `${f.path} -> ${i}`));
  expect(offences).toEqual([]);
});

test.each(Object.entries(doors))('%s has one door', (name, door) => {
  const offences = files.filter((f) => f.imports.some((i) => i === name || i.startsWith(`${name}/`)) && !door.test(f.path)).map((f) => f.path);
  expect(offences).toEqual([]);
});

test('process.env is read in one place of each program', () => {
  const places = /^(signaling\/config|signaling\/environment\.ts$|client\/cli\/environment\.ts$|client\/node\/audio\/child-environment\.ts$)/;
  const offences = files.filter((f) => /\bprocess\.env\b/.test(f.text) && !places.test(f.path)).map((f) => f.path);
  expect(offences).toEqual([]);
});

// The build writes `exports.x` for what a file exports: a variable of that name would be written to instead, which Jest's own transform hides.
test('no variable takes the name of what modules are made of', () => {
  const offences = files.filter((f) => /\b(?:const|let|var)\s+(?:\{[^}=]*\b(?<!\w\s*:\s*)(?:exports|require)\b(?!\s*:)[^}=]*\}|(?:exports|require)\b)\s*=/.test(f.text)).map((f) => f.path);
  expect(offences).toEqual([]);
});
