import { expect, test } from 'vitest'
import { respell } from '../../src/cli/spelling.ts'

const words = (line: string): string[] => line.split(' ').filter((word) => word !== '')

test.each([
  ['--batch_size 80', '--batch-size 80'],
  ['--batch_size=80', '--batch-size=80'],
  ['--basic_model VisualAttention', '--basic-model VisualAttention'],
  ['--num_epochs 30', '--epochs 30'],
  ['--train_batch_size=80', '--batch-size=80'],
  ['--iteration_times=2', '--iterations=2'],
  ['--alpha 0.8 --beta 0.999', '--beta1 0.8 --beta2 0.999'],
  ['--lr_decay 20 --learning_rate_decay_every 50', '--decay-from 20 --decay-every 50'],
  ['--hidden-size 512', '--width 512'],
  ['--learning-rate 5e-4', '--learning-rate 5e-4'],
])('respell(%j) is %j', (written, meant) => {
  expect(respell(words(written))).toEqual(words(meant))
})

test.each([
  ['--use_MIA True', '--mia'],
  ['--use_MIA=True', '--mia'],
  ['--use_MIA False', '--no-mia'],
  ['--use_MIA=False', '--no-mia'],
  ['--use_MIA=false', '--no-mia'],
  ['--use_mia 0', '--no-mia'],
  ['--use-MIA', '--mia'],
  ['--mia False', '--no-mia'],
  ['--mia', '--mia'],
  ['--use_MIA --out runs/va', '--mia --out runs/va'],
  ['--use_MIA False --out runs/va', '--no-mia --out runs/va'],
])('respell(%j) is %j: False means False', (written, meant) => {
  expect(respell(words(written))).toEqual(words(meant))
})

test('respell() leaves a value of the switch that is neither true nor false for the parser to refuse', () => {
  expect(respell(['--use_MIA=perhaps'])).toEqual(['--mia=perhaps'])
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
