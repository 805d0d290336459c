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

  // What 3.4.1 drops: it logs "Untokenizable: U+301C", and knows no variation selectors and nothing above U+FFFF.
  test.each([
    ['at the beach \u{1F3D6}\uFE0F', 'at the beach'],
    ['my dog \u2615\uFE0F', 'my dog \u2615'],
    ['\u2764\uFE0F\u200D\u{1F525} 3\uFE0F\u20E3', '\u2764 3'],
    ['a cat \u301C on a \u300C\u732B\u300D \u3010bed\u3011 \u203C', 'a cat on a \u732B bed'],
    ['\u{1D400}\u{20000}\u{1D7CF}', ''],
    [
      '\u3012 \u30C6\u30FB\u30B9 \uFF62a\uFF63 \u3001 \u3002',
      '\u3012 \u30C6 \u30FB \u30B9 \uFF62 a \uFF63 \u3001 \u3002',
    ],
    ['cafe\u0301 \u0E19\u0E49\u0E33', 'cafe\u0301 \u0E19\u0E49\u0E33'],
    ['see http://a.org/\u{1F415}x', 'see http://a.org/\u{1F415}x'],
  ])('drops variation selectors, Japanese brackets and emoji above U+FFFF in %j', (text, tokens) => {
    expect(ptbTokenize(text).join(' ')).toBe(tokens)
  })

  // Each of these took time quadratic in its length in some rule: 55 s for 100,000 emoji.
  const runs = [
    '\u{1F3D6}',
    '&',
    '\u00A0',
    '1/',
    'a,',
    '%+',
    'www.&',
    '<!a',
    '<a ',
    'a@',
    'a-',
    'a.b.\u00A0',
    "'",
    '\u00BF',
  ]
  test.each(runs)('takes ten times as long for ten times as much of %j', (part) => {
    const seconds = (length: number): number => {
      const text = part.repeat(length / part.length)
      const start = performance.now()
      ptbTokenize(text)
      return (performance.now() - start) / 1000
    }
    seconds(2_000)
    const short = Math.min(seconds(10_000), seconds(10_000))
    // A quadratic rule takes a hundred times as long; half a second is for the noise of a busy machine.
    expect(seconds(100_000)).toBeLessThan(40 * short + 0.5)
  })

  test('takes linear time for a tag with many spaces and no end', () => {
    const start = performance.now()
    ptbTokenize(`<a${' '.repeat(50_000)}!`)
    expect(performance.now() - start).toBeLessThan(500)
  })

  test('finds the same tokens in a long caption as in its parts', () => {
    // Long captions skip positions where a rule is known to fail; words that begin within what it read must be found.
    const parts = [
      'a,b,c-d',
      'x www.&www.a.org',
      'a/b/c.txt',
      '%+a+b@c.de',
      '<!a <b>',
      '&&a.com/x',
      "don't",
      'e.g. St. 5',
    ]
    const long = Array.from({ length: 100 }, (_, i) => parts[(i * i) % parts.length]!)
    expect(ptbTokenize(long.join('\n'))).toEqual(long.flatMap((part) => ptbTokenize(`${part} `)))
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
