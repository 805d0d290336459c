// npm runs this after `npm ci`: it builds dist/. npm 10 also runs it at every `npx mia` in this folder (npx links the
// folder into its cache first); then it builds only if there is no build yet.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'

if (process.env.npm_command !== 'exec' || !existsSync('dist/cli/main.js'))
  process.exitCode = spawnSync('npm run build', { shell: true, stdio: 'inherit' }).status ?? 1
