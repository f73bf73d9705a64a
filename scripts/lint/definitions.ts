import { parseSync } from 'oxc-parser';

/** A node of the syntax tree, as far as a definition needs it. */
interface SyntaxNode {
  type: string;
  [field: string]: unknown;
}

/** The field that has the name of what a node defines. Names that a file only uses, imports or takes as parameters are in none of them. */
const NAME_FIELD: Readonly<Record<string, string>> = {
  FunctionDeclaration: 'id',
  ClassDeclaration: 'id',
  VariableDeclarator: 'id',
  TSInterfaceDeclaration: 'id',
  TSTypeAliasDeclaration: 'id',
  TSEnumDeclaration: 'id',
  MethodDefinition: 'key',
  PropertyDefinition: 'key',
  Property: 'key',
  TSMethodSignature: 'key',
  TSPropertySignature: 'key',
};

/** What a TypeScript file defines at any depth: functions, values, types, and the members of objects, classes and interfaces. @throws Error for a file that does not parse */
export function definedIn(path: string, text: string): ReadonlySet<string> {
  const { program, errors } = parseSync(path, text);
  if (errors.length > 0) throw new Error(`${path}: ${errors[0]!.message}`);
  const names = new Set<string>();
  const open: unknown[] = [program];
  while (open.length > 0) {
    const node = open.pop();
    if (typeof node !== 'object' || node === null) continue;
    const { type, shorthand } = node as SyntaxNode;
    const name = (node as SyntaxNode)[NAME_FIELD[type] ?? ''] as SyntaxNode | undefined;
    // `{ name }` passes on what is defined elsewhere.
    if (name?.type === 'Identifier' && shorthand !== true) names.add(name.name as string);
    open.push(...Object.values(node));
  }
  return names;
}
