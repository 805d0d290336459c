/**
 * METEOR's function words: those that are more than one in a thousand words of a large English corpus (Denkowski and Lavie, WMT 2014, section 2.2). The list
 * itself was not at hand. Which words of the first group are on it, METEOR's scores of captions tell: each of them changes a score that is known, and so
 * do the 1,900 other words that are known not to be on it. No known score depends on the second group: they are as frequent.
 */
export const FUNCTION_WORDS: ReadonlySet<string> = new Set(
  `a about after all also an and are as at be been by can first for from has have he her his if in into is it its no not of on one or other out over
  people she some than that the their there they this to two up was which who will with ' s

  but could had i last more new said so time we were what when would year you $ %`.split(/\s+/),
)
