
# What may come next, from the program itself. The words go to it as they are written: nothing of them is evaluated.
Register-ArgumentCompleter -Native -CommandName mfavault, mfav -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $words = @($commandAst.CommandElements | Where-Object { $_.Extent.StartOffset -lt $cursorPosition } | ForEach-Object {
            if ($_ -is [System.Management.Automation.Language.StringConstantExpressionAst]) { $_.Value } else { $_.Extent.Text }
        })
    if ($wordToComplete -eq '') {
        $words += ''
    }
    $before = $env:MFAVAULT_COMPLETE
    $env:MFAVAULT_COMPLETE = 'powershell'
    try {
        $program = Get-Command -Name mfavault -CommandType Application -TotalCount 1 -ErrorAction Stop
        & $program '--' @words | ForEach-Object {
            $value, $help = $_ -split "`t", 2
            if (-not $help) { $help = $value }
            [System.Management.Automation.CompletionResult]::new($value, $value, 'ParameterValue', $help)
        }
    }
    finally {
        $env:MFAVAULT_COMPLETE = $before
    }
}
