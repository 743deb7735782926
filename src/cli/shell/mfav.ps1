# `mfav`: mfavault for this very shell. In $PROFILE:
#   mfavault init powershell | Out-String | Invoke-Expression
#
# mfav use PROFILE [OPTIONS]  this shell gets the credentials of the profile; the options are those of `export`
# mfav off                    and loses them
# mfav                        mfavault status
# mfav ANYTHING ELSE          mfavault ANYTHING ELSE; PowerShell takes a bare `--` out, so write '--' in quotes
#
# The program is found by its name each time, so that an upgrade needs no new shell. Nothing that it prints is run.
function global:mfav {
    $program = Get-Command -Name mfavault -CommandType Application -TotalCount 1 -ErrorAction Stop
    $rest = @($args | Select-Object -Skip 1)
    if ($args.Count -eq 0) {
        & $program status
        return
    }
    if ($args[0] -cne 'use' -and $args[0] -cne 'off') {
        & $program @args
        return
    }
    $ownRegion = $global:MfavaultRegion -and $env:AWS_REGION -ceq $global:MfavaultRegion
    if ($args[0] -ceq 'use') {
        $region, $defaultRegion = $env:AWS_REGION, $env:AWS_DEFAULT_REGION
        if ($ownRegion) {
            $env:AWS_REGION = $env:AWS_DEFAULT_REGION = $null
        }
        $lines = @(& $program export --format dotenv --for-shell @rest)
        if ($LASTEXITCODE -ne 0 -or $lines[0] -cnotlike 'AWS_ACCESS_KEY_ID=*') {
            # It failed, or was asked for help: nothing changes.
            $env:AWS_REGION, $env:AWS_DEFAULT_REGION = $region, $defaultRegion
            return $lines
        }
    }
    elseif ($rest.Count -gt 0) {
        Write-Error 'usage: mfav off'
        $global:LASTEXITCODE = 2
        return
    }
    elseif ($ownRegion) {
        $env:AWS_REGION = $env:AWS_DEFAULT_REGION = $null
    }
    $global:MfavaultRegion = $null
    foreach ($name in '@VARIABLES@') {
        Remove-Item -LiteralPath "Env:$name" -ErrorAction SilentlyContinue
    }
    $global:LASTEXITCODE = 0
    if ($args[0] -ceq 'off') {
        return
    }
    $hadRegion = $env:AWS_REGION -or $env:AWS_DEFAULT_REGION
    foreach ($line in $lines) {
        $name, $value = $line -split '=', 2
        Set-Item -LiteralPath "Env:$name" -Value $value
    }
    if (-not $hadRegion) {
        $global:MfavaultRegion = $env:AWS_REGION
    }
}
