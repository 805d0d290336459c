/**
 * METEOR's function words: words with a relative frequency above 0.001 in a large English corpus (Denkowski and Lavie,
 * WMT 2014, section 2.2). The list was not available, so it is inferred: METEOR's scores of 1,008 captions show that
 * the first group is on it and that 1,900 other words are not. Those scores do not decide the second group, which is
 * included for its frequency.
 */
export const FUNCTION_WORDS: ReadonlySet<string> = new Set(
  `a about after all also an and are as at be been by can first for from has have he her his if in into is it its no not of on one or other out over
  people she some than that the their there they this to two up was which who will with ' s

  but could had i last more new said so time we were what when would year you $ %`.split(/\s+/),
)
