/**
 * A program as it is written to JavaScript that the thread can run: the file, and all files of the user's that it imports, each without a look at types.
 *
 * By the compiler and not by Node, whose own stripping of types is not in Node 20 and refuses enums and the like. All are made CommonJS, in which what is
 * imported can be put in its place by a hook that works in every Node from 20 on.
 */
import { readFileSync, statSync } from 'node:fs';
import { basename, dirname, extname, relative, resolve } from 'node:path';
import type TypeScript from 'typescript';
import type { CompileAnswer } from './protocol';

const SOURCES = ['.ts', '.mts', '.cts', '.js', '.mjs', '.cjs'];
/** What is imported as `./x.js` may be written `x.ts`. */
const WRITTEN: Readonly<Record<string, string>> = { '.js': '.ts', '.mjs': '.mts', '.cjs': '.cts' };
const MAX_FILES = 1000;

class Unreadable extends Error {}

/** `entry`: absolute. Never throws: what is wrong is in the answer, as a sentence that begins with file and line. */
export function compile(entry: string, ts: typeof TypeScript): CompileAnswer {
  const modules: Array<{ path: string; code: string }> = [];
  const links: Record<string, Record<string, string>> = {};
  const files = [entry];
  const shown = (path: string): string => relative(dirname(entry), path) || basename(path);
  try {
    if (!isFile(entry)) throw new Unreadable(`there is no file ${entry}`);
    if (!SOURCES.includes(extname(entry))) throw new Unreadable(`${basename(entry)} is no program: its name must end in ${SOURCES.join(', ')}`);
    for (let i = 0; i < files.length; i++) {
      const path = files[i] as string;
      if (!SOURCES.includes(extname(path))) continue;
      if (i >= MAX_FILES) throw new Unreadable(`the program imports more than ${MAX_FILES} files`);
      const text = read(path, shown(path));
      links[path] = {};
      for (const { fileName, pos } of ts.preProcessFile(text, true, true).importedFiles) {
        if (!/^(\.{1,2}(\/|$)|\/)/.test(fileName)) continue;
        const found = find(resolve(dirname(path), fileName));
        // what is only a type is not there at run time
        if (found === undefined && /\.d(\.[cm]?ts)?$/.test(fileName)) continue;
        if (found === undefined) throw new Unreadable(`${shown(path)}:${lineAt(text, pos)}: there is no file ${fileName}`);
        (links[path] as Record<string, string>)[fileName] = found;
        if (!files.includes(found)) files.push(found);
      }
      const code = transpile(path, text);
      refuseModuleOnly(path, text);
      modules.push({ path, code });
    }
    return { compiled: { entry, modules, links, files } };
  } catch (err) {
    if (err instanceof Unreadable) return { problem: err.message, files };
    throw err;
  }

  /** What only modules have that CommonJS has not, and of which Node would say something else. */
  function refuseModuleOnly(path: string, text: string): void {
    const at = (node: TypeScript.Node): number => lineAt(text, node.getStart());
    const look = (node: TypeScript.Node, inFunction: boolean): void => {
      if (!inFunction && (ts.isAwaitExpression(node) || (ts.isForOfStatement(node) && node.awaitModifier))) throw new Unreadable(`${shown(path)}:${at(node)}: await is for functions only: what is awaited here belongs into a handler`);
      if (ts.isMetaProperty(node) && node.keywordToken === ts.SyntaxKind.ImportKeyword) throw new Unreadable(`${shown(path)}:${at(node)}: there is no import.meta in a program; __dirname and __filename say where it is`);
      ts.forEachChild(node, (child) => look(child, inFunction || ts.isFunctionLike(node) || ts.isClassStaticBlockDeclaration(node)));
    };
    look(ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true), false);
  }

  function transpile(path: string, text: string): string {
    const { ModuleKind, ScriptTarget } = ts;
    const result = ts.transpileModule(text, {
      // as a module whatever its name says: .mts would stay what cannot be required
      fileName: path.replace(/\.[cm]([tj]s)$/, '.$1'),
      reportDiagnostics: true,
      compilerOptions: { module: ModuleKind.CommonJS, target: ScriptTarget.ES2022, esModuleInterop: true, allowJs: true, inlineSourceMap: true, isolatedModules: true },
    });
    const [first] = result.diagnostics ?? [];
    if (first) throw new Unreadable(`${shown(path)}:${first.start === undefined ? 1 : lineAt(text, first.start)}: ${ts.flattenDiagnosticMessageText(first.messageText, ' ')}`);
    return withFullPath(result.outputText, path);
  }
}

/** The map names its source by the last part of its name only. */
function withFullPath(code: string, path: string): string {
  return code.replace(/(\/\/# sourceMappingURL=data:application\/json;base64,)([A-Za-z0-9+/=]+)\s*$/, (_, head: string, map: string) => {
    const parsed = JSON.parse(Buffer.from(map, 'base64').toString('utf8')) as object;
    return head + Buffer.from(JSON.stringify({ ...parsed, sourceRoot: '', sources: [path] })).toString('base64');
  });
}

function read(path: string, name: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (err) {
    throw new Unreadable(`${name} cannot be read: ${(err as Error).message}`);
  }
}

/** As an import names it: with or without its ending, or a folder's index. */
function find(path: string): string | undefined {
  const written = WRITTEN[extname(path)];
  const candidates = [path, ...(written === undefined ? [] : [path.slice(0, -extname(path).length) + written]), ...[...SOURCES, '.json'].flatMap((ending) => [path + ending]), ...SOURCES.map((ending) => `${path}/index${ending}`)];
  return candidates.find(isFile);
}

function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

const lineAt = (text: string, at: number): number => text.slice(0, at).split('\n').length;
