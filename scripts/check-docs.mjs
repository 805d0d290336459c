// Checks that every export of src/ has a doc comment, that public members of exported classes have one, and that comments wrap at 120.
// Usage: node scripts/check-docs.mjs [folder, by default src]
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import ts from 'typescript'

const WIDTH = 120
const root = process.argv[2] ?? 'src'
/** Written by a program. */
const GENERATED = /onnx[\\/]pb\.ts$|wordnet-table\.ts$|builtin[\\/]channels\.ts$/

const mistakes = []
const files = readdirSync(root, { recursive: true })
  .filter((file) => /\.tsx?$/.test(file) && !GENERATED.test(file))
  .sort()

for (const file of files) {
  const path = join(root, file)
  const text = readFileSync(path, 'utf8')
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true)
  const say = (node, what) => {
    const { line } = source.getLineAndCharacterOfPosition(node.getStart(source))
    mistakes.push(`${relative('.', path)}:${line + 1}: ${what}`)
  }
  const isDocumented = (node) =>
    (ts.getLeadingCommentRanges(text, node.getFullStart()) ?? []).some(({ pos }) => text.startsWith('/**', pos))
  const has = (node, kind) => node.modifiers?.some((modifier) => modifier.kind === kind) ?? false

  for (const node of source.statements) {
    if (!has(node, ts.SyntaxKind.ExportKeyword)) continue
    const name =
      node.name?.text ?? node.declarationList?.declarations.map((each) => each.name.getText(source)).join(', ')
    if (!isDocumented(node)) say(node, `${name} has no doc comment`)
    if (!ts.isClassDeclaration(node)) continue
    const implemented = node.heritageClauses?.some(({ token }) => token === ts.SyntaxKind.ImplementsKeyword) ?? false
    for (const member of node.members) {
      const isMethod = ts.isMethodDeclaration(member) || ts.isGetAccessorDeclaration(member)
      const isHidden =
        ts.isPrivateIdentifier(member.name ?? node) ||
        has(member, ts.SyntaxKind.PrivateKeyword) ||
        has(member, ts.SyntaxKind.OverrideKeyword)
      // an implementation of an interface has its comments there
      if (isMethod && !isHidden && !implemented && !isDocumented(member))
        say(member, `${node.name.text}.${member.name.getText(source)} has no doc comment`)
    }
  }
  for (const [i, line] of text.split('\n').entries())
    if (line.length > WIDTH && /^\s*(\/\/|\/\*|\*)/.test(line))
      mistakes.push(`${relative('.', path)}:${i + 1}: a comment of ${line.length} characters, more than ${WIDTH}`)
}

for (const mistake of mistakes) console.error(mistake)
console.log(`${files.length} files in ${relative('.', root) || '.'}: ${mistakes.length} missing or long comments`)
process.exitCode = mistakes.length > 0 ? 1 : 0
