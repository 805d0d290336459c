import { describe, expect, test } from 'vitest'
import { contents } from '../../src/cli/commands/index.ts'
import { optionName } from '../../src/cli/options.ts'
import { respell } from '../../src/cli/spelling.ts'

const words = (line: string): string[] => line.split(' ').filter((word) => word !== '')

describe('respell() converts the options of the published code', () => {
  test.each([
    ['train --batch_size 80', 'train --batch-size 80'],
    ['train --batch_size=80', 'train --batch-size=80'],
    ['train --basic_model VisualAttention', 'train --basic-model VisualAttention'],
    ['train --num_epochs 30', 'train --epochs 30'],
    ['train --train_batch_size=80', 'train --batch-size=80'],
    ['train --iteration_times=2', 'train --iterations=2'],
    ['train --alpha 0.8 --beta 0.999', 'train --beta1 0.8 --beta2 0.999'],
    [
      'train --lr_decay 20 --learning_rate_decay_every 50',
      'train --learning-rate-decay-start 20 --learning-rate-decay-every 50',
    ],
    ['train --hidden_size 512', 'train --hidden-size 512'],
    ['train --learning-rate 5e-4', 'train --learning-rate 5e-4'],
  ])('%s', (written, meant) => {
    expect(respell(words(written))).toEqual(words(meant))
  })

  test.each([
    ['--use_MIA True', '--mia'],
    ['--use_MIA=True', '--mia'],
    ['--MIA True', '--mia'],
    ['--use_MIA False', '--no-mia'],
    ['--use_MIA=False', '--no-mia'],
    ['--use_MIA=false', '--no-mia'],
    ['--use_mia 0', '--no-mia'],
    ['--use-MIA', '--mia'],
    ['--mia False', '--no-mia'],
    ['--mia', '--mia'],
    ['--use_MIA --out runs/va', '--mia --out runs/va'],
    ['--use_MIA False --out runs/va', '--no-mia --out runs/va'],
  ])('train %s: False means False', (written, meant) => {
    expect(respell(words(`train ${written}`))).toEqual(words(`train ${meant}`))
  })

  test('but leaves a value of --mia that is neither true nor false for the parser to refuse', () => {
    expect(respell(['train', '--use_MIA=perhaps'])).toEqual(['train', '--mia=perhaps'])
  })
})

test.each([
  ['train --width 32 --heads=2 --inner 64', 'train --hidden-size 32 --num-heads=2 --inner-size 64'],
  ['train --attention 8 --average 0.999', 'train --attention-size 8 --ema-decay 0.999'],
  ['train --decay-from 8 --decay_every 3', 'train --learning-rate-decay-start 8 --learning-rate-decay-every 3'],
  ['train --clip 1 --views 2', 'train --gradient-clipping-limit 1 --augmentations 2'],
  ['features --data d --views 3', 'features --data d --augmentations 3'],
])('respell() converts the names of version 0.1.0: %s', (written, meant) => {
  expect(respell(words(written))).toEqual(words(meant))
})

// The names of one command mean something else, or nothing, for another: represent has an --attention of its own, and
// "concepts train" is not "train".
test.each([
  'represent --run r --attention --out x.npy a.jpg',
  'concepts train --data d --num-epochs 3 --width 5',
  'concepts detect --views 3',
  'caption --beta 1',
  'constructor --width 1',
])('respell() converts no names of other commands: %s', (line) => {
  expect(respell(words(line))).toEqual(words(line))
})

test('every name that respell() makes is an option of its command', () => {
  const train = contents.flatMap(({ commands }) => commands).find(({ name }) => name === 'train')!
  const options = Object.keys(train.options).map((key) => `--${optionName(key)}`)
  const old = '--iteration_times --num_epochs --train_batch_size --alpha --beta --lr_decay --width --heads --inner'
  const more = '--attention --decay-from --decay-every --average --clip --views'
  for (const name of words(`${old} ${more}`)) expect(options).toContain(respell(['train', name])[1])
})

test('respell() leaves commands, paths and values as they are', () => {
  const args = words('caption my_photo.jpg --run runs/va_mia --out=data/flickr_8k -h a_b')
  expect(respell(args)).toEqual(args)
})

test('respell() leaves what follows -- as it is', () => {
  expect(respell(words('caption --max_length 5 -- --my_photo.jpg'))).toEqual(
    words('caption --max-length 5 -- --my_photo.jpg'),
  )
})
