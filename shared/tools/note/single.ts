/**
 * Makes one file out of a script and the modules that it imports, for `deno task note --single`.
 *
 * The compiler tells which declaration each name refers to. What the script refers to is kept, and
 * what that refers to, each with its comments. So is every statement of a module that is no
 * declaration, since it may have an effect; a declaration that nothing refers to is left out.
 *
 * @module
 */

import { basename, dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
// deno-lint-ignore no-import-prefix -- nothing but this optional tool may depend on a package
import ts from "npm:typescript@6.0.3";
import { makeTemporaryFolder } from "../process/files.ts";
import {
  declaredNames,
  endOf,
  hasEffect,
  type Import,
  importedFile,
  importOf,
  isPassage,
  isReference,
  isShorthand,
  isType,
  namesInside,
  scriptBeside,
  startOf,
  statementOf,
  walk,
} from "./syntax.ts";

/** The error for a script that does not fit into one file; its message says why. */
export class NotOneFile extends Error {
  /** The name of the class. */
  override name = "NotOneFile";
}

/** Nothing is checked here, so types of JavaScript and Deno are not needed. */
const OPTIONS: ts.CompilerOptions = {
  allowImportingTsExtensions: true,
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  noEmit: true,
  noLib: true,
  target: ts.ScriptTarget.ESNext,
  types: [],
};

/** The table of C functions. A row is kept if its name occurs anywhere in what is kept. */
const TABLE = "PROTOTYPES";

/** A change of a text: what stands from `start` to `end` is replaced. */
interface Edit {
  start: number;
  end: number;
  text: string;
}

/**
 * A script and everything that it imports from files, as the text of one module.
 *
 * @param script Where the script is.
 * @param rewrite Changes the comment at its beginning.
 * @throws {NotOneFile} if it needs more than one file.
 */
export function singleFile(script: URL, rewrite: (comment: string) => string): string {
  return formatted(new Bundle(fileURLToPath(script)).print(rewrite));
}

/** What `deno fmt` makes of it. */
function formatted(text: string): string {
  const folder = makeTemporaryFolder("note-");
  const path = `${folder}/script.ts`;
  try {
    Deno.writeTextFileSync(path, text);
    const args = ["fmt", "--quiet", "--no-config", "--line-width", "100", path];
    const { success, stderr } = new Deno.Command(Deno.execPath(), { args }).outputSync();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
    return Deno.readTextFileSync(path);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

/** A script with its modules, of which what the script needs is kept. */
class Bundle {
  readonly #program: ts.Program;
  readonly #checker: ts.TypeChecker;
  readonly #script: ts.SourceFile;
  /** What the script runs in its Workers, if it starts any. */
  readonly #worker: ts.SourceFile | undefined;
  /** All files, each behind those that it imports, so in the order in which they run. */
  readonly #files: ts.SourceFile[];
  readonly #kept = new Set<ts.Statement>();
  readonly #imports = new Map<string, Import & { as: string }>();
  /** Names that no file declares, but JavaScript or Deno. */
  readonly #globals = new Set<string>();
  /** All words in what is kept. */
  readonly #words = new Set<string>();
  /** What each declaration and each import is called in the one file. */
  readonly #names = new Map<string, string>();

  constructor(path: string) {
    const worker = workerOf(path);
    const paths = worker === undefined ? [path] : [path, worker];
    this.#program = ts.createProgram(paths, OPTIONS);
    this.#checker = this.#program.getTypeChecker();
    const scripts = paths.map((path) => this.#program.getSourceFile(path)!);
    [this.#script, this.#worker] = scripts;

    const running = this.#inOrder(scripts, false);
    // A file from which only types are taken does not run, and types may stand anywhere.
    const all = this.#inOrder(scripts, true);
    this.#files = [...all.filter((file) => !running.includes(file)), ...running];
    // Backwards, so that an import has the name that the script gives it.
    for (const file of running.toReversed()) {
      const isScript = scripts.includes(file);
      for (const statement of file.statements) {
        if (isScript ? !isPassage(statement) : hasEffect(statement)) this.#keep(statement);
      }
    }
    this.#chooseNames();
  }

  #inOrder(files: ts.SourceFile[], types: boolean): ts.SourceFile[] {
    const ordered = new Set<ts.SourceFile>();
    const begun = new Set<ts.SourceFile>();
    const visit = (file: ts.SourceFile) => {
      if (begun.has(file)) return;
      begun.add(file);
      for (const statement of file.statements) {
        const path = importedFile(statement, types);
        if (path === undefined) continue;
        const imported = this.#program.getSourceFile(resolve(dirname(file.fileName), path));
        if (imported === undefined) throw new NotOneFile(`${path} does not exist`);
        visit(imported);
      }
      ordered.add(file);
    };
    files.forEach(visit);
    return [...ordered];
  }

  /** Keeps a statement, and all that it refers to. */
  #keep(statement: ts.Statement): void {
    if (this.#kept.has(statement)) return;
    this.#kept.add(statement);
    const isTable = declaredNames(statement).some(({ text }) => text === TABLE);
    walk(statement, (node) => {
      // That the table lists a function does not mean that it is used.
      const isWord = ts.isIdentifier(node) || ts.isStringLiteralLike(node);
      if (isWord && !isTable) this.#words.add(node.text);
      if (ts.isMetaProperty(node)) this.#expectOneFile(node);
      if (ts.isImportTypeNode(node) || node.kind === ts.SyntaxKind.ImportKeyword) {
        throw new NotOneFile(`${nameOf(node)} has an import(…), which is not followed`);
      }
      if (!ts.isIdentifier(node) || !isReference(node)) return;
      const meaning = this.#meaning(node);
      if (meaning === undefined) this.#globals.add(node.text);
      else if ("module" in meaning) this.#import(node.text, meaning);
      else for (const place of meaning.declarations!) this.#keep(statementOf(place));
    });
  }

  #import(as: string, meaning: Import): void {
    const known = this.#imports.get(keyOf(meaning));
    const onlyType = meaning.onlyType && (known?.onlyType ?? true);
    this.#imports.set(keyOf(meaning), { as, ...known, ...meaning, onlyType });
  }

  /** What a name refers to: an import, or a declaration in a file; undefined if to a global. */
  #meaning(name: ts.Identifier): Import | ts.Symbol | undefined {
    const symbol = ts.isShorthandPropertyAssignment(name.parent)
      ? this.#checker.getShorthandAssignmentValueSymbol(name.parent)
      : this.#checker.getSymbolAtLocation(name);
    if (!symbol?.declarations?.length) return undefined;
    if (!(symbol.flags & ts.SymbolFlags.Alias)) return symbol;
    const meaning = importOf(symbol.declarations[0]);
    if (meaning !== undefined) return meaning;
    const meant = this.#checker.getAliasedSymbol(symbol);
    if (meant.declarations === undefined || ts.isSourceFile(meant.declarations[0])) {
      throw new NotOneFile(`${nameOf(name)} imports ${name.text} in a way that is not understood`);
    }
    return meant;
  }

  /** A script may start itself as a Worker; any other use of where it is means other files. */
  #expectOneFile(meta: ts.MetaProperty): void {
    const { parent } = meta;
    if (ts.isPropertyAccessExpression(parent) && parent.name.text === "main") return;
    const startsItself = this.#worker !== undefined && meta.getSourceFile() === this.#script;
    if (startsItself && scriptBeside(parent.parent) !== undefined) return;
    throw new NotOneFile(`${nameOf(meta)} reads or starts other files (${parent.getText()})`);
  }

  /** Lets everything keep its name, unless two things have the same. */
  #chooseNames(): void {
    const wanted: [key: string, name: string, module: string][] = [];
    // Backwards, since the names of the script itself are those that are read most.
    for (const file of this.#files.toReversed()) {
      for (const name of this.#keptOf(file).flatMap(declaredNames)) {
        wanted.push([keyOf(this.#checker.getSymbolAtLocation(name)!), name.text, nameOf(file)]);
      }
    }
    for (const [key, { as, module }] of this.#imports) wanted.push([key, as, module]);

    const taken = new Set(this.#globals);
    for (const [key, name, module] of wanted) {
      if (this.#names.has(key)) continue; // declared in several places, as an overload is
      const other = `${name}_${basename(module, ".ts").replaceAll(/\W/g, "_")}`;
      const chosen = taken.has(name) ? other : name;
      if (taken.has(chosen) || chosen === other && this.#words.has(other)) {
        throw new NotOneFile(`several things are called ${name}, and ${other} is taken as well`);
      }
      taken.add(chosen);
      this.#names.set(key, chosen);
    }
  }

  #keptOf(file: ts.SourceFile): ts.Statement[] {
    return file.statements.filter((statement) => this.#kept.has(statement));
  }

  /** The one file, not yet formatted. */
  print(rewrite: (comment: string) => string): string {
    const { text } = this.#script;
    const comment = ts.getLeadingCommentRanges(text, 0)?.[0];
    const scripts = [this.#script, ...this.#worker === undefined ? [] : [this.#worker]];
    const libraries = scripts.flatMap(({ libReferenceDirectives }) => libReferenceDirectives);
    return [
      comment === undefined ? "" : rewrite(text.slice(comment.pos, comment.end)),
      ...libraries.map(({ fileName }) => `/// <reference lib="${fileName}" />`),
      this.#printImports(),
      ...this.#files.filter((file) => !scripts.includes(file)).flatMap((file) => {
        const statements = this.#keptOf(file);
        return statements.length === 0
          ? []
          : [heading(nameOf(file)), ...this.#printAll(statements)];
      }),
      ...this.#printScripts(),
    ].join("\n\n");
  }

  #printImports(): string {
    const modules = Map.groupBy(this.#imports.values(), ({ module }) => module);
    const lines = [...modules].toSorted().flatMap(([module, imports]) => {
      const named = imports.map(({ name, onlyType, ...rest }) => {
        const as = this.#names.get(keyOf({ name, onlyType, ...rest }))!;
        if (name === "*") return `* as ${as}`;
        return (onlyType ? "type " : "") + (as === name ? name : `${name} as ${as}`);
      });
      const [whole, parts] = [true, false].map((whole) =>
        named.filter((name) => name.startsWith("*") === whole)
      );
      const clauses = [...whole, ...parts.length === 0 ? [] : [`{ ${parts.join(", ")} }`]];
      return clauses.map((clause) => `import ${clause} from "${module}";`);
    });
    return lines.join("\n") || "export {};"; // without either, it would not be a module
  }

  #printScripts(): string[] {
    const own = this.#keptOf(this.#script);
    if (this.#worker === undefined) return [heading(nameOf(this.#script)), ...this.#printAll(own)];
    const workers = this.#keptOf(this.#worker);
    return [
      heading(`${nameOf(this.#script)} and, for its Workers, ${nameOf(this.#worker)}`),
      ...this.#printAll([...own, ...workers].filter(isType)),
      'if (!("WorkerGlobalScope" in globalThis)) {',
      ...this.#printAll(own.filter((statement) => !isType(statement))),
      "} else {",
      ...this.#printAll(workers.filter((statement) => !isType(statement))),
      "}",
    ];
  }

  /** Statements with their comments. Those that stood together still do. */
  #printAll(statements: ts.Statement[]): string[] {
    const blocks: string[] = [];
    statements.forEach((statement, i) => {
      const before = statement.getSourceFile().text.slice(0, startOf(statement));
      const printed = this.#printOne(statement);
      if (i > 0 && /[^\n]\n$/.test(before)) blocks.push(`${blocks.pop()}\n${printed}`);
      else blocks.push(printed);
    });
    return blocks;
  }

  #printOne(statement: ts.Statement): string {
    const edits: Edit[] = [];
    const inside = namesInside(statement);
    walk(statement, (node) => {
      const [start, end] = [node.getStart(), node.end];
      if (node.kind === ts.SyntaxKind.ExportKeyword) edits.push({ start, end: end + 1, text: "" });
      if (scriptBeside(node)) edits.push({ start, end, text: "new URL(import.meta.url)" });
      if (!ts.isIdentifier(node) || !isReference(node)) return;
      const meaning = this.#meaning(node);
      const name = meaning && this.#names.get(keyOf(meaning));
      if (name === undefined || name === node.text) return;
      if (inside.has(name)) {
        throw new NotOneFile(`in ${nameOf(node)}, ${node.text} and ${name} would be mixed up`);
      }
      edits.push({ start, end, text: isShorthand(node) ? `${node.text}: ${name}` : name });
    });
    if (declaredNames(statement).some(({ text }) => text === TABLE)) {
      edits.push(...this.#unusedRows(statement));
    }
    return edited(statement, edits);
  }

  #unusedRows(table: ts.Statement): Edit[] {
    const literals: ts.ObjectLiteralExpression[] = [];
    walk(table, (node) => ts.isObjectLiteralExpression(node) && literals.push(node));
    const { text } = table.getSourceFile();
    return literals[0].properties
      .filter(({ name }) => !this.#words.has(name!.getText()))
      .map((row) => {
        const comma = text[row.end] === "," ? 1 : 0;
        return { start: row.getFullStart(), end: row.end + comma, text: "" };
      });
  }
}

/** The file of the Workers that a script starts. */
function workerOf(path: string): string | undefined {
  const source = Deno.readTextFileSync(path);
  const file = ts.createSourceFile(path, source, ts.ScriptTarget.ESNext, true);
  const scripts = new Set<string>();
  let starts = false;
  walk(file, (node) => {
    const script = scriptBeside(node);
    if (script !== undefined) scripts.add(script);
    starts ||= ts.isNewExpression(node) && node.expression.getText() === "Worker";
  });
  if (!starts || scripts.size === 0) return undefined;
  if (scripts.size > 1) throw new NotOneFile(`it starts ${[...scripts].join(" and ")}`);
  return resolve(dirname(path), ...scripts);
}

/** What identifies a declaration, in whichever file it is used. */
function keyOf(meaning: Import | ts.Symbol): string {
  if ("module" in meaning) return `${meaning.module} ${meaning.name}`;
  const [declaration] = meaning.declarations!;
  return `${declaration.getSourceFile().fileName} ${statementOf(declaration).pos} ${meaning.name}`;
}

/** The path of a file as people know it. */
function nameOf(node: ts.Node): string {
  return node.getSourceFile().fileName.replace(/.*\/(?=(lessons|shared)\/)/, "");
}

function heading(name: string): string {
  return `// ${"-".repeat(3)} ${name}`;
}

/** The text of a statement, with changes. */
function edited(statement: ts.Statement, edits: Edit[]): string {
  const { text } = statement.getSourceFile();
  let result = "";
  let position = startOf(statement);
  for (const { start, end, text: other } of edits.toSorted((a, b) => a.start - b.start)) {
    result += text.slice(position, start) + other;
    position = end;
  }
  return result + text.slice(position, endOf(statement));
}
