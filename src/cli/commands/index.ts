import type { Section } from '../command.ts'
import { prepare } from './prepare.ts'

/** All commands, in the order of the work. */
export const contents: readonly Section[] = [{ heading: 'Data', commands: [prepare] }]
