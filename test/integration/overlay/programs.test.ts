// Ordinary programs on a mount, doing what they do: archives, version control, a database, a
// build, package tools' habits. What they leave is compared with what they leave on a plain
// directory.
import type { Test } from 'tap'
import * as calls from '../../helpers/calls.js'
import { freshDirectory, sharedFilesystem } from '../../helpers/images.js'
import { isolated } from '../../helpers/isolated.js'
import { mountPlyfs } from '../../helpers/mounted.js'
import { must } from '../../helpers/run.js'
import { makeStack } from '../../helpers/stack.js'
import {
  describeTree,
  dir,
  file,
  makeTree,
  symlink,
  type Tree,
} from '../../helpers/tree.js'

const { t } = await isolated(import.meta.url)
t.setTimeout(0)

const disk = (await sharedFilesystem('ext4')).root

const source = `#include <stdio.h>
int part(int);
int main(void) { printf("%d\\n", part(20)); return 0; }
`

const tree: Tree = {
  src: dir({
    'main.c': file(source),
    Makefile: file(
      'objects = $(patsubst %.c,%.o,$(wildcard *.c))\nprogram: $(objects)\n\t$(CC) -o $@ $^\n',
    ),
    ...Object.fromEntries(
      Array.from({ length: 20 }, (_, i) => [
        `part${i}.c`,
        file(
          i === 0
            ? 'int part(int n) { return n * 2 + 2; }\n'
            : `int part${i}(void) { return ${i}; }\n`,
        ),
      ]),
    ),
  }),
  docs: dir(
    Object.fromEntries(
      Array.from({ length: 50 }, (_, i) => [
        `d${i}.txt`,
        file(`text ${i}\n`.repeat(i + 1)),
      ]),
    ),
  ),
  link: symlink('docs'),
}

/** Runs `script` in a mount over the tree and in a plain copy: the same output, the same files. */
async function alike(t: Test, script: string, compare = true): Promise<void> {
  const plain = freshDirectory(disk, 'plain')
  makeTree(plain, tree)
  const layers = await makeStack({ lowers: [tree] })
  const mounted = await mountPlyfs(layers)
  const run = (at: string): Promise<string> =>
    must('sh', ['-e', '-c', `cd "$0"\n${script}`, at], { limit: 120_000 })
  const expected = await run(plain)
  t.equal(await run(mounted.point), expected, 'the same output')
  const right = describeTree(plain).slice(1)
  if (compare) t.same(describeTree(mounted.point).slice(1), right, 'the same files')
  t.same(await mounted.end(), [])
  const again = await mountPlyfs(layers)
  if (compare)
    t.same(describeTree(again.point).slice(1), right, 'the same files after a remount')
  t.same(await again.end(), [])
}

t.test('shell tools', t =>
  alike(
    t,
    `cp -a docs copied; mv docs/d1.txt docs/renamed.txt; sed -i 's/text/TEXT/' docs/d2.txt
     find docs -name 'd3*' -delete; ln docs/d4.txt hard; ln -s hard soft; ln -sfn copied link
     touch -d @1000000000 docs/d40.txt; chmod -R g+w copied; rm -r src; mkdir src; echo new >src/main.c
     split -b 100 docs/d49.txt part.; cat part.* | cmp - docs/d49.txt; truncate -s 1M sparse
     install -m 640 docs/d5.txt installed; rmdir --ignore-fail-on-non-empty docs; mkdir -p a/b/c/d
     cp -r --preserve=all copied/. a/b; grep -rl 'text 49' . | sort; ls | sort; stat -c '%n %s %a' docs/* | sort`,
  ),
)

t.test('tar, there and back', t =>
  alike(
    t,
    `tar -cf all.tar docs src link; mkdir out; tar -xpf all.tar -C out; diff -r docs out/docs
     tar -df all.tar; rm -r docs src; tar -xf all.tar; rm all.tar; ls -R | sort | uniq -c | sort | tail -n 3`,
  ),
)

t.test('git', t =>
  alike(
    t,
    `export HOME=$PWD GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_DATE='2020-01-01T00:00:00Z' GIT_COMMITTER_DATE='2020-01-01T00:00:00Z'
     git init -q -b main .; git config user.name t; git config user.email t@example.org; git add .; git commit -qm one
     git mv docs moved; echo more >>src/main.c; git rm -q src/part3.c; git commit -qam two
     git checkout -q HEAD~1; git status --porcelain; git checkout -q main; git gc -q; git fsck 2>/dev/null
     git clone -q . clone; cd clone; git log --format='%H %s'; git status --porcelain; cd ..; rm -rf clone .git`,
  ),
)

t.test('make -j with gcc', t =>
  alike(
    t,
    `cd src; make -s -j4 CC=gcc; ./program; touch part5.c; make -s -j4 CC=gcc; ./program; strip program
     cp program ../installed; ../installed; rm -f *.o`,
  ),
)

t.test('a database', t =>
  alike(
    t,
    `python3 - <<'END'
import sqlite3
c = sqlite3.connect('base.db')
c.execute('pragma journal_mode=wal')
c.execute('create table t (n integer primary key, v text)')
for i in range(200):
    with c: c.execute('insert into t (v) values (?)', ('value %d' % i,))
with c: c.execute('delete from t where n % 3 = 0')
c.execute('vacuum')
print(c.execute('select count(*), sum(n) from t').fetchone(), c.execute('pragma integrity_check').fetchone())
c.close()
END
     ls; rm base.db`,
  ),
)

t.test('a database that was in a lower layer', async t => {
  const lower = freshDirectory(disk, 'lower')
  await must('python3', [
    '-c',
    `import sqlite3
c = sqlite3.connect('${lower}/base.db')
c.execute('create table t (n integer primary key, v blob)')
c.executemany('insert into t (v) values (?)', ((bytes([i % 256]) * 4000,) for i in range(3000)))
c.commit()`,
  ])
  const above = await makeStack({ lowers: [] })
  for (const option of ['passthrough=on', 'passthrough=off']) {
    const mounted = await mountPlyfs({ ...above, lower: [lower] }, { options: [option] })
    // Two processes with the file open and mapped while it is copied up and changed.
    const script = `
import sqlite3, sys
c = sqlite3.connect('${mounted.point}/base.db', timeout=30)
c.execute('pragma mmap_size=100000000')
print(c.execute('select count(*) from t').fetchone()[0] >= 3000)
for i in range(50):
    with c: c.execute('update t set v = ? where n = ?', (b'changed', (i * 37 + int(sys.argv[1])) % 3000 + 1))
    with c: c.execute('insert into t (v) values (?)', (b'new' * 100,))
print(c.execute('pragma integrity_check').fetchone())`
    const outputs = await Promise.all(
      ['0', '11', '22'].map(n => must('python3', ['-c', script, n], { limit: 120_000 })),
    )
    for (const output of outputs) t.equal(output, "True\n('ok',)\n", option)
    t.same(await mounted.end(), [])
  }
  t.ok(calls.stat(`${lower}/base.db`).size > 3000 * 4000)
})
