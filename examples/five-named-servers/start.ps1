# Starts five named servers; Ctrl-C ends them all.
$servers = [ordered]@{
    alpha   = 5001
    bravo   = 5002
    charlie = 5003
    delta   = 5004
    echo    = 5005
}

$processes = @()
try {
    foreach ($server in $servers.GetEnumerator()) {
        $options = @{
            FilePath         = "python"
            ArgumentList     = @("server.py", $server.Key, $server.Value)
            WorkingDirectory = $PSScriptRoot
            NoNewWindow      = $true
            PassThru         = $true
        }
        $process = Start-Process @options
        $processes += $process
        Write-Host "$($server.Key) on http://127.0.0.1:$($server.Value) (process $($process.Id))"
    }
    Wait-Process -InputObject $processes
}
finally {
    $processes | Where-Object { -not $_.HasExited } | Stop-Process
}
