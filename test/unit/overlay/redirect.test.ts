// Where a moved directory is redirected to.
import t from 'tap'
import { Directory, Node } from '../../../src/overlay/node.js'
import { redirectFor } from '../../../src/overlay/redirect.js'

const S_IFDIR = 0o40000

function dir(parent: Node | null, name: string, redirect: string | null = null): Node {
  const node = new Node(S_IFDIR)
  node.dir = new Directory(null, [])
  node.dir.redirect = redirect
  if (parent !== null) node.addName(parent, name)
  return node
}

const root = dir(null, '')

void t.test('within its parent a directory is redirected by its old name', async t => {
  t.equal(redirectFor(dir(root, 'a'), root, 'a', true), 'a')
})

void t.test('elsewhere by the path from the root of the union', async t => {
  const a = dir(root, 'a')
  const b = dir(a, 'b')
  t.equal(redirectFor(dir(b, 'c'), b, 'c', false), '/a/b/c')
  t.equal(redirectFor(dir(root, 'x'), root, 'x', false), '/x')
})

void t.test('names of ancestors that were renamed are those of the lower', async t => {
  const renamed = dir(root, 'new', 'old')
  t.equal(redirectFor(dir(renamed, 'c'), renamed, 'c', false), '/old/c')
  const moved = dir(renamed, 'here', '/there/was')
  t.equal(redirectFor(dir(moved, 'c'), moved, 'c', false), '/there/was/c')
})

void t.test(
  'a redirect that is there already is kept where it still says the truth',
  async t => {
    t.equal(redirectFor(dir(root, 'n', 'old'), root, 'n', true), null)
    t.equal(redirectFor(dir(root, 'n', '/a/b'), root, 'n', false), null)
    t.equal(
      redirectFor(dir(root, 'n', 'old'), root, 'n', false),
      '/old',
      'a relative one leaves its parent',
    )
  },
)
