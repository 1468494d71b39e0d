/**
 * `node transpile.mjs ROOT`: builds the sources named on stdin (one a line, from ROOT) into ROOT/dist. A process of its own, so that the
 * compiler does not stay in the memory of the server that is started next. Prints what cannot be read as TypeScript; exit code 1 then.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';

const root = process.argv[2];
const ts = createRequire(join(root, 'package.json'))('typescript');
const { compilerOptions } = ts.parseConfigFileTextToJson('tsconfig.json', readFileSync(join(root, 'tsconfig.json'), 'utf8')).config;
const { options } = ts.convertCompilerOptionsFromJson(compilerOptions, root);

/** What users compile against; it stands alone, so that this file is all it takes. The package as it is published has the declarations of everything. */
const DECLARED = join('signaling', 'app-program', 'index.ts');

for (const path of readFileSync(0, 'utf8').split('\n').filter(Boolean)) {
  const content = readFileSync(join(root, path));
  if (path.endsWith('.ts')) transpile(path, content.toString('utf8'));
  else write(join(root, 'dist', path), content);
}

function transpile(path, text) {
  const compilerOptions = { ...options, declaration: false, sourceMap: true, sourceRoot: undefined };
  const result = ts.transpileModule(text, { fileName: join(root, path), compilerOptions, reportDiagnostics: true });
  for (const { file, start, messageText } of result.diagnostics ?? []) {
    const line = file && start !== undefined ? `:${file.getLineAndCharacterOfPosition(start).line + 1}` : '';
    process.stdout.write(`${path}${line}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}\n`);
    process.exitCode = 1;
  }
  const output = join(root, 'dist', path.replace(/\.ts$/, '.js'));
  // From where it lies, so that a build can be moved together with its sources.
  const map = JSON.parse(result.sourceMapText);
  write(`${output}.map`, JSON.stringify({ ...map, sources: [relative(dirname(output), join(root, path))] }));
  write(output, result.outputText);
  if (path === DECLARED) write(output.replace(/\.js$/, '.d.ts'), ts.transpileDeclaration(text, { fileName: join(root, path), compilerOptions: { ...options, declaration: true, sourceMap: false } }).outputText);
}

/** A server that is running may load the file at this moment: it finds the old one or the new one. */
function write(path, content) {
  mkdirSync(dirname(path), { recursive: true });
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, content);
  renameSync(temporary, path);
}
