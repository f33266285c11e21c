/**
 * A rule for `deno lint`: a generator has to be delegated to.
 *
 * `sendAll(connection, reply)` sends nothing if sendAll is a generator function: the call only
 * makes a generator, of which nothing ever runs. `yield* sendAll(connection, reply)` is meant. The
 * rule knows the functions of the file itself, and of the modules that it imports.
 *
 * @module
 */

/** What a generator object is for; whatever else is done with one is a mistake. */
const OWN = ["next", "return", "throw"];

/** The plugin, whose only rule is `delegation/yield-star`. */
const plugin: Deno.lint.Plugin = {
  name: "delegation",
  rules: { "yield-star": { create: yieldStar } },
};

export default plugin;

function yieldStar(context: Deno.lint.RuleContext): Deno.lint.LintVisitor {
  const names = new Set(namesIn(context.sourceCode.text));
  const variables = new Map<string, Deno.lint.Node>(); // what these functions have returned

  function report(node: Deno.lint.Node, hint = "write yield* before the call") {
    const [name] = context.sourceCode.getText(node).split("(");
    const message = `${name} returns a generator: without yield*, nothing of it runs`;
    context.report({ node, message, hint });
  }
  function isGenerator(node: Deno.lint.Node | null | undefined): node is Deno.lint.CallExpression {
    return node?.type === "CallExpression" && names.has(nameOf(node.callee));
  }
  /** Reports a generator that is used as if it were what its function returns at its end. */
  function use(node: Deno.lint.Node) {
    if (isGenerator(node)) return report(node);
    const variable = variables.get(nameOf(node));
    if (variable === undefined) return;
    report(variable);
    variables.delete(nameOf(node));
  }

  return {
    ImportDeclaration({ source, specifiers }) {
      if (!/^(\.{1,2}\/|file:)/.test(source.value)) return;
      const module = new URL(source.value, `file://${context.filename}`);
      let found: string[] = [];
      try {
        found = namesIn(Deno.readTextFileSync(module));
      } catch {
        return; // the compiler reports a module that is not there
      }
      for (const specifier of specifiers) {
        if (specifier.type !== "ImportSpecifier") continue;
        if (found.includes(nameOf(specifier.imported))) names.add(specifier.local.name);
      }
    },
    ExpressionStatement({ expression }) {
      if (isGenerator(expression)) report(expression);
    },
    YieldExpression({ argument, delegate }) {
      if (!delegate && isGenerator(argument)) report(argument, "write yield* in place of yield");
    },
    VariableDeclarator({ id, init }) {
      if (isGenerator(init)) variables.set(nameOf(id), init);
      else variables.delete(nameOf(id));
    },
    BinaryExpression({ left, right }) {
      use(left);
      use(right);
    },
    UnaryExpression({ argument }) {
      use(argument);
    },
    MemberExpression({ object, property }) {
      if (!OWN.includes(nameOf(property))) use(object);
    },
  };
}

/** The functions in a module's text that are generators, or return one by their type. */
function namesIn(text: string): string[] {
  const patterns = [
    /\bfunction\s*\*\s*(\w+)/g,
    /\bfunction (\w+)(?:<\w+>)?\([^{}]*?\): (?:Coroutine|Generator)\b/g,
    /\blet (\w+): \([^{}=]*?\) => (?:Coroutine|Generator)\b/g,
  ];
  return patterns.flatMap((pattern) => [...text.matchAll(pattern)].map(([, name]) => name));
}

function nameOf(node: Deno.lint.Node | undefined): string {
  return node?.type === "Identifier" ? node.name : "";
}
