import { describe, expect, test } from 'vitest'
import { WordNet } from '../../../src/metrics/index.ts'
import { sceneGraph } from '../../../src/metrics/spice/scene-graph.ts'
import { loadTagger } from '../../../src/metrics/spice/tagger.ts'
import { captionTokens } from '../../../src/text/ptb.ts'

const tagger = await loadTagger(await WordNet.load())
/** A scene graph in one line: objects; attributes; relations. */
function graph(caption: string): string {
  const { objects, attributes, relations } = sceneGraph(tagger(captionTokens(caption)))
  return [objects, attributes.map((pair) => pair.join(' ')), relations.map((triple) => triple.join(' - '))]
    .map((all) => all.join(', '))
    .join('; ')
}

describe('sceneGraph()', () => {
  // The first is figure 1 of the SPICE paper, except for the form of the relation.
  test.each([
    [
      'A young girl standing on top of a tennis court.',
      'girl, court; girl young, girl stand, court tennis; girl - on top of - court',
    ],
    ['two dogs play with a ball', 'dog, ball; dog 2, dog play; dog - with - ball'],
    ['a man riding a wave on a surfboard', 'man, wave, surfboard; ; man - ride - wave, man - on - surfboard'],
    ['a black and white dog runs through the snow', 'dog, snow; dog black, dog white, dog run; dog - through - snow'],
    ['a snow covered field', 'field; field snow, field covered; '],
    [
      'a group of people sit in front of a fire hydrant',
      'people, hydrant; people sit, hydrant fire; people - in front of - hydrant',
    ],
    ['a couple of dogs', 'dog; dog 2; '],
    ['a man and a woman riding bikes', 'man, woman, bike; ; man - ride - bike, woman - ride - bike'],
    ['a woman wearing a hat and a scarf', 'woman, hat, scarf; ; woman - wear - hat, woman - wear - scarf'],
    [
      'the man who is wearing a red hat is holding his dog',
      'man, hat, dog; hat red; man - wear - hat, man - have - dog, man - hold - dog',
    ],
    ['there are three people in the boat', 'people, boat; people 3; people - in - boat'],
    ['a boy hits a baseball', 'boy, baseball; ; boy - hit - baseball'],
    ['the cat is black', 'cat; cat black; '],
    ["the man's hat is big", 'hat; hat big; '],
    ['a boy jumps while another boy watches', 'boy; boy jump, boy watch; '],
    [
      'a snowboarder is happy as he rides his board',
      'snowboarder, board; snowboarder happy; snowboarder - have - board, snowboarder - ride - board',
    ],
    ['children dressed in black cloaks', 'child, cloak; child dress, cloak black; child - in - cloak'],
    ['a laughing boy', 'boy; boy laughing; '],
    ['a girl dancing', 'girl; girl dance; '],
    ['two dogs bark at a man', 'dog, man; dog 2, dog bark; dog - at - man'],
    ['people fish on a lake', 'people, lake; people fish; people - on - lake'],
    [
      'a group of dogs , chickens and a turkey stand by a bucket',
      'dog, chicken, turkey, bucket; dog stand, chicken stand, turkey stand; dog - by - bucket, chicken - by - bucket, turkey - by - bucket',
    ],
    ['a sports team on a field', 'team, field; team sport; team - on - field'],
    ['a boy in a t-shirt', 'boy, t-shirt; ; boy - in - t-shirt'],
    ['a dog with a ball in its mouth', 'dog, ball, mouth; ; dog - with - ball, dog - have - mouth, ball - in - mouth'],
    ['', '; ; '],
    ['the', '; ; '],
    ['犬 が 走る', '; ; '],
  ])('%s', (caption, expected) => {
    expect(graph(caption)).toBe(expected)
  })
})
