// The lint rules of the whole tree, run as `eslint --config scripts/eslint.config.js .`.
// Rules that cross files (dependency direction, forbidden names) are in test/architecture.
import js from '@eslint/js'
import { defineConfig } from 'eslint/config'
import tseslint from 'typescript-eslint'

const noBareExit = [
  {
    object: 'process',
    property: 'exit',
    message: 'Only src/cli/main.ts ends the process.',
  },
  { object: 'process', property: 'abort', message: 'Throw, or answer an errno.' },
]

export default defineConfig(
  {
    ignores: ['node_modules/', 'dist/', '.build/', '.tap/', 'native-helpers/build/'],
  },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: {
      parserOptions: {
        projectService: true,
        tsconfigRootDir: new URL('..', import.meta.url).pathname,
      },
    },
    rules: {
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true },
      ],
      '@typescript-eslint/no-confusing-void-expression': [
        'error',
        { ignoreArrowShorthand: true },
      ],
      // The compiler's noUnusedParameters lets `_name` pass; so does this.
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrors: 'all' },
      ],
      // `process.env['X']` is what noPropertyAccessFromIndexSignature asks for.
      '@typescript-eslint/dot-notation': [
        'error',
        { allowIndexSignaturePropertyAccess: true },
      ],
      'max-lines': ['error', { max: 400 }],
      'max-lines-per-function': ['error', { max: 60, skipComments: true }],
      complexity: ['error', 15],
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      // A walk up a tree begins at `this`; arrow functions need no alias anyway.
      '@typescript-eslint/no-this-alias': 'off',
      'no-console': 'error',
      'no-restricted-properties': ['error', ...noBareExit],
    },
  },
  {
    // The protocol's numbers are tables by nature, and the addon's surface is one declaration.
    files: ['src/fuse/abi/*.ts', 'src/fuse/dispatch.ts', 'src/sys/native.ts'],
    rules: { 'max-lines': 'off' },
  },
  {
    // Commands for people: they print, and they end with a status.
    files: ['scripts/**/*.ts', 'src/cli/**/*.ts'],
    rules: { 'no-console': 'off' },
  },
  {
    files: ['src/cli/main.ts', 'scripts/**/*.ts'],
    rules: { 'no-restricted-properties': 'off' },
  },
  {
    files: ['test/**/*.ts'],
    rules: {
      // tap's `t.test` returns a promise by design, and its callbacks are async by habit.
      '@typescript-eslint/no-floating-promises': 'off',
      '@typescript-eslint/require-await': 'off',
      // Fixtures hand out closures, and strings of bytes are spread byte by byte.
      '@typescript-eslint/unbound-method': 'off',
      '@typescript-eslint/no-misused-spread': 'off',
      // A fake has the fields that the case needs.
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
      // A test reads best as one list of steps; tables of cases are long.
      'max-lines-per-function': 'off',
      complexity: 'off',
      'max-lines': ['error', { max: 600 }],
      'no-console': 'off',
      'no-restricted-properties': 'off',
    },
  },
  {
    files: ['**/*.js'],
    languageOptions: { globals: { URL: 'readonly', process: 'readonly' } },
  },
)
