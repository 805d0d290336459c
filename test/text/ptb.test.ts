import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { captionTokens, ptbTokenize } from '../../src/text/ptb.ts'

const golden = new URL('../../../shared/golden/tokenizer/ptb_3.4.1.json', import.meta.url)

describe('ptbTokenize()', () => {
  test.skipIf(!existsSync(golden))('returns the tokens of PTBTokenizer 3.4.1 (skipped without ../shared)', () => {
    const cases: { text: string; tokens: string[] }[] = JSON.parse(readFileSync(golden, 'utf8'))
    const wrong = cases
      .map(({ text, tokens }) => ({ text, expected: tokens, actual: ptbTokenize(text) }))
      .filter(({ expected, actual }) => JSON.stringify(actual) !== JSON.stringify(expected))
    expect(cases.length).toBeGreaterThan(1000)
    expect(wrong).toEqual([])
  })

  // Expected tokens follow the Penn Treebank's tokenisation page (Marcus et al., 1993) and PTBTokenizer's
  // documentation.
  test.each([
    ["I don't, can't, won't", "i do n't , ca n't , wo n't"],
    ["the dogs' owner's dog’s", "the dogs ' owner 's dog 's"],
    ['We gotta go; he CANNOT', 'we got ta go ; he can not'],
    ['"A sign" ‘here’', "`` a sign '' ` here '"],
    ['[a] (b) {c}', '-lsb- a -rsb- -lrb- b -rrb- -lcb- c -rcb-'],
    ['a 4-year-old in a t-shirt at 10:30 a.m. on 10/12/2014', 'a 4-year-old in a t-shirt at 10:30 a.m. on 10/12/2014'],
    ['Dr. Who lives on Main St. in Washington D.C.', 'dr. who lives on main st. in washington d.c.'],
    ['No. 5 says no.', 'no. 5 says no .'],
    ['Miss Ill. is ill.', 'miss ill. is ill .'],
    ['cats, dogs, etc. The end', 'cats , dogs , etc. . the end'],
    ['$5.00 or 1,000 or .5 or -3', '$ 5.00 or 1,000 or .5 or -3'],
    ['wait . . . what?!', 'wait ... what ?!'],
    ['a---b -- c', 'a -- b -- c'],
    ['red,white-striped', 'red,white-striped'],
    ["rock 'n' roll o'clock ma'am '90s", "rock 'n' roll o'clock ma'am '90s"],
    ['AT&amp;T &lt; 50% of ½', 'at&t < 50 % of 1/2'],
    ['<b class="x">bold</b> see http://a.org/b_(c) or me@home.org', null],
    ['Crème brûlée in São Paulo', 'crème brûlée in são paulo'],
    ['两只狗 在 跑', '两只狗 在 跑'],
  ])('reads %j', (text, tokens) => {
    if (tokens !== null) expect(ptbTokenize(text).join(' ')).toBe(tokens)
    else expect(ptbTokenize(text).slice(0, 3)).toEqual(['<b\u00A0class="x">', 'bold', '</b>'])
  })

  test('joins a mixed number with a no-break space', () => {
    expect(ptbTokenize('1 1/2 pizzas')).toEqual(['1\u00A01/2', 'pizzas'])
  })

  test('drops unknown characters and spaces of every kind', () => {
    expect(ptbTokenize('a\u200B dog\uFFFD\u00A0runs \u{1F415}\r\n fast\t')).toEqual(['a', 'dog', 'runs', 'fast'])
    expect(ptbTokenize('')).toEqual([])
    expect(ptbTokenize(' \n ')).toEqual([])
  })

  test('takes linear time on long runs of any one character', () => {
    const start = performance.now()
    for (const part of ['a', 'A', '1', '.', '-', 'a-', 'a.', "'", '"', '<', '<a ', '&', '@', 'a@', '/', ' ', '1 ', '¿'])
      ptbTokenize(part.repeat(3_000))
    expect(performance.now() - start).toBeLessThan(10_000)
  })
})

describe('captionTokens()', () => {
  test('drops the punctuation that coco-caption drops, and only that', () => {
    expect(captionTokens('A "man" -- tall, old -- (smiling) waves: hi!')).toEqual(
      'a man tall old -lrb- smiling -rrb- waves hi'.split(' '),
    )
    expect(captionTokens('what?! ... "')).toEqual(['what', '?!'])
  })
})
