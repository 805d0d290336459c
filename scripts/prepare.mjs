// Builds after `npm ci`. `npx mia` installs this folder into npx's cache first, and with it runs this: with npm 10 at every
// call, so there it builds only what was never built.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'

if (process.env.npm_command !== 'exec' || !existsSync('dist/cli/main.js'))
  process.exitCode = spawnSync('npm run build', { shell: true, stdio: 'inherit' }).status ?? 1
