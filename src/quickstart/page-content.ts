import type { QuickstartContent } from '../pages/quickstart-page.ts'
import { checkMentions, type NamingScores } from './naming.ts'
import { describeScene, type Scene } from './scene.ts'
import type { System } from './system.ts'

/** A test picture's id and file. */
export interface TestImage {
  readonly id: string
  readonly path: string
}

const NAMING_ROWS: Readonly<Record<keyof NamingScores, string>> = {
  recall: 'things named',
  colourRecall: 'things named in their colour',
  hallucinated: 'named things that are not in the picture (CHAIRi)',
}

/** What the quickstart's page shows of the two systems; `images` are the test pictures that it shows. */
export function pageContent(
  systems: readonly System[],
  scenes: ReadonlyMap<string, Scene>,
  images: readonly TestImage[],
): QuickstartContent {
  const testImages = systems[0]!.captions.size
  return {
    trainImages: scenes.size - testImages,
    testImages,
    systems: systems.map(({ name, epochs, evaluation }) => ({
      name,
      curve: epochs.map(({ loss, scores }) => ({ loss: Number(loss), cider: (scores as { CIDEr: number }).CIDEr })),
      scores: evaluation.scores,
    })),
    fractions: Object.entries(NAMING_ROWS).map(([key, name]) => ({
      name,
      values: systems.map(({ naming }) => naming[key as keyof NamingScores]),
    })),
    examples: images.map(({ id, path }) => {
      const scene = scenes.get(id)!
      const captions = systems.map((system) => checkMentions(system.captions.get(id) ?? '', scene))
      return { path, alt: describeScene(scene)[0]!, captions }
    }),
    run: systems.at(-1)!.run,
  }
}
