# Sends ten requests to the balancer and prints each answer: ./client.ps1 [-Url URL]
param([string] $Url = "http://127.0.0.1:8080/")

$ErrorActionPreference = "Stop"
$counts = @{}
foreach ($number in 1..10) {
    $answer = "$(Invoke-RestMethod -Uri $Url -TimeoutSec 10)".Trim()
    "{0,2}: {1}" -f $number, $answer
    $counts[$answer] += 1
}

""
foreach ($name in $counts.Keys | Sort-Object) {
    "{0}: {1} answers" -f $name, $counts[$name]
}
