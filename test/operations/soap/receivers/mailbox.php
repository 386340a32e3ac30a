<?php
// The mailbox of mailbox.wsdl on PHP's own SoapServer: SOAP 1.1, unqualified elements. Writes what arrived into $MAILBOX.
ini_set('soap.wsdl_cache_enabled', '0');
ini_set('display_errors', '0');
$wsdl = __DIR__ . '/mailbox.wsdl';
if ($_SERVER['REQUEST_METHOD'] === 'GET') {
    header('Content-Type: text/xml; charset=utf-8');
    readfile($wsdl);
    return;
}
class Mailbox {
    function Put($letter) {
        if ($letter->UserName !== 'clinic' || $letter->PassPhrase !== 'open <sesame> & co')
            throw new SoapFault('Client', 'Unknown user ' . $letter->UserName . ' with ' . $letter->PassPhrase);
        if (($_SERVER['HTTP_SOAPACTION'] ?? '') !== '"http://health.example.org/mailbox/v3/Put"') throw new SoapFault('Client', 'Wrong action');
        $headers = json_encode(['type' => $_SERVER['CONTENT_TYPE'], 'sender' => $letter->SenderId ?? null]);
        file_put_contents(getenv('MAILBOX') . '/headers.json', $headers);
        file_put_contents(getenv('MAILBOX') . '/letter.hl7', $letter->Hl7Text);
        $fields = explode('|', $letter->Hl7Text);
        return ['Receipt' => ['Hl7Answer' => "MSH|^~\\&|MAILBOX\rMSA|AA|" . ($fields[9] ?? '') . "\r"]];
    }
}
$server = new SoapServer($wsdl, ['soap_version' => SOAP_1_1, 'cache_wsdl' => WSDL_CACHE_NONE]);
$server->setClass('Mailbox');
$server->handle();
