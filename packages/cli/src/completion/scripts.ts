/** Shells that can be taught. */
export const SHELLS = ["bash", "zsh", "fish", "powershell"] as const;

export type Shell = (typeof SHELLS)[number];

/** Programs of ours that can be completed. */
export const PROGRAMS = ["ctxpack", "ctx"] as const;

/**
 * What a shell evaluates to complete `ctxpack`, or `ctx`: it asks `ctxpack completion answer` at every TAB, so that nothing is
 * out of date after an update. Each line of an answer is a word, a tab, and what it is; the last one says with a `:`
 * what the shell adds from the disk.
 */
export function scriptFor(shell: Shell, program: (typeof PROGRAMS)[number] = "ctxpack"): string {
  return SCRIPTS[shell].replaceAll("ctxpack", program);
}

/** Colons and `=` break words in bash: they are put together before asking, and what is typed is cut off after. */
const BASH = `_ctxpack() {
  local line=$COMP_LINE rest word last= i n=0 cur typed reply disk
  local -a words=()
  for ((i = 0; i <= COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    rest=\${line#"\${line%%[![:space:]]*}"}
    if ((n > 1)) && [[ $line == "$rest" && ($word == [:=]* || $last == *[:=]) ]]; then
      words[n - 1]+=$word
    else
      words[n++]=$word
    fi
    last=$word
    line=\${rest#"$word"}
  done
  cur=\${words[n - 1]}
  typed=\${cur%"\${cur##*[:=]}"}
  COMPREPLY=()
  while IFS=$'\\t' read -r word _; do
    case $word in
      :*) disk=$word ;;
      *) reply=\${word#"$typed"}; [[ $word == *[:=] ]] && compopt -o nospace; COMPREPLY+=("$reply") ;;
    esac
  done < <("\${words[0]}" completion answer -- "\${words[@]:1}" 2>/dev/null)
  cur=\${cur#"$typed"}
  case $disk in
    :files) compopt -o filenames; mapfile -t -O \${#COMPREPLY[@]} COMPREPLY < <(compgen -f -- "$cur") ;;
    :folders) compopt -o filenames; mapfile -t -O \${#COMPREPLY[@]} COMPREPLY < <(compgen -d -- "$cur") ;;
    :contracts)
      compopt -o filenames
      mapfile -t -O \${#COMPREPLY[@]} COMPREPLY < <(
        compgen -d -- "$cur"
        compgen -f -- "$cur" | grep -E '\\.(json|ya?ml)$'
      ) ;;
  esac
}
complete -o nosort -F _ctxpack ctxpack
`;

const ZSH = `#compdef ctxpack
_ctxpack() {
  local line disk word about
  local -a words_ abouts open
  for line in "\${(@f)$("\${words[1]}" completion answer -- "\${(@Q)words[2,CURRENT]}" 2>/dev/null)}"; do
    [[ $line == :* ]] && disk=$line && continue
    word=\${line%%$'\\t'*}
    about=\${line#*$'\\t'}
    [[ -z $word ]] && continue
    if [[ $word == *[:=] ]]; then open+=("$word"); continue; fi
    words_+=("$word")
    abouts+=("\${word}\${about:+  -- $about}")
  done
  (( \${#words_} )) && compadd -V ctxpack -l -d abouts -a words_
  (( \${#open} )) && compadd -S '' -a open
  [[ $disk != :nothing ]] && compset -P '(--[^=]##=|)(oci:|oci-archive:|)'
  case $disk in
    :files) _files ;;
    :folders) _files -/ ;;
    :contracts) _files -g '*.(json|yaml|yml)' ;;
  esac
}
if [[ $funcstack[1] == _ctxpack ]]; then
  _ctxpack "$@"
else
  compdef _ctxpack ctxpack
fi
`;

const FISH = `function __ctxpack_answer
    set -l tokens (commandline -opc)
    set -l current (commandline -ct)
    set -l lines (command $tokens[1] completion answer -- $tokens[2..-1] "$current" 2>/dev/null)
    set -l value (string replace -r -- '^(--[^=]+=)?(oci(-archive)?:)?' '' "$current")
    set -l before (string sub -l (math (string length -- "$current") - (string length -- "$value")) -- "$current")
    for line in $lines
        switch $line
            case ':files'
                for path in (__fish_complete_path "$value")
                    echo -- $before$path
                end
            case ':folders'
                for path in (__fish_complete_directories "$value")
                    echo -- $before$path
                end
            case ':contracts'
                for path in (__fish_complete_path "$value" | string match -r '.*(?:/|\\.json|\\.ya?ml)(?:\\t.*)?$')
                    echo -- $before$path
                end
            case ':*'
            case '*'
                echo -- $line
        end
    end
end
complete -c ctxpack -f -k -a '(__ctxpack_answer)'
`;

/** Without an answer PowerShell completes files by itself. */
const POWERSHELL = `Register-ArgumentCompleter -Native -CommandName ctxpack -ScriptBlock {
  param($wordToComplete, $commandAst, $cursorPosition)
  $words = @($commandAst.CommandElements | Select-Object -Skip 1 | Where-Object {
    $_.Extent.EndOffset -lt $cursorPosition
  } | ForEach-Object { $_.ToString() })
  # Up to 7.2, and under Legacy, an empty argument is lost on its way to a program unless it is quoted.
  $passing = Get-Variable PSNativeCommandArgumentPassing -ValueOnly -ErrorAction Ignore
  if ($wordToComplete -eq '' -and "$passing" -notin 'Standard', 'Windows') { $wordToComplete = '""' }
  & ctxpack completion answer '--' @words "$wordToComplete" 2>$null | ForEach-Object {
    if ($_ -notlike ':*') {
      $word, $about = $_ -split "\`t", 2
      if (-not $about) { $about = $word }
      [System.Management.Automation.CompletionResult]::new($word, $word, 'ParameterValue', $about)
    }
  }
}
`;

const SCRIPTS: Readonly<Record<Shell, string>> = {
  bash: BASH,
  zsh: ZSH,
  fish: FISH,
  powershell: POWERSHELL,
};
